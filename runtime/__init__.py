"""What every process stands on: settings, mutual TLS, interceptors, errors, logging, storage."""
