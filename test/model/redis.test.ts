import {
  redisClusterSubject,
  redisShardsSubject,
  redisSubject,
  withRedis,
} from '../conformance/redis-subject.ts';
import { modelSuite } from './model-suite.ts';

const file = 'test/model/redis.test.ts';

withRedis(() => {
  modelSuite(redisSubject, { runs: 30, maxSteps: 250, file });
  modelSuite(redisClusterSubject, { runs: 15, maxSteps: 250, file });
  modelSuite(redisShardsSubject, { runs: 15, maxSteps: 250, file });
});
