import { embeddedSubject } from '../conformance/embedded-subject.ts';
import { modelSuite } from './model-suite.ts';

modelSuite(embeddedSubject, { runs: 25, maxSteps: 250, file: 'test/model/embedded.test.ts' });
