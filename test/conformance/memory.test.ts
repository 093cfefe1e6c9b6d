import { memorySubject } from './memory-subject.ts';
import { storeSuite } from './store-suite.ts';

storeSuite(memorySubject);
