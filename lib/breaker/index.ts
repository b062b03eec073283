export {
  CircuitBreaker,
  type CircuitBreakerOptions,
  type CircuitBreakerStatistics,
  type CircuitState,
} from './circuit-breaker.js';
