import { embeddedSubject } from './embedded-subject.ts';
import { storeSuite } from './store-suite.ts';

storeSuite(embeddedSubject);
