import {
  redisClusterSubject,
  redisShardsSubject,
  redisSubject,
  withRedis,
} from './redis-subject.ts';
import { storeSuite } from './store-suite.ts';

withRedis(() => {
  storeSuite(redisSubject);
  storeSuite(redisClusterSubject);
  storeSuite(redisShardsSubject);
});
