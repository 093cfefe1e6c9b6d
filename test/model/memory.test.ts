import { memorySubject } from '../conformance/memory-subject.ts';
import { modelSuite } from './model-suite.ts';

modelSuite(memorySubject, { runs: 400, maxSteps: 100, file: 'test/model/memory.test.ts' });
