import { movingShardsSubject, movingSubject } from '../conformance/moving-subject.ts';
import { withRedis } from '../conformance/redis-subject.ts';
import { modelSuite } from './model-suite.ts';

withRedis(() => {
  const file = 'test/model/moving.test.ts';
  modelSuite(movingSubject, { runs: 12, maxSteps: 150, few: true, file });
  modelSuite(movingShardsSubject, { runs: 4, maxSteps: 150, few: true, file });
});
