"""What every process stands on: settings, mutual TLS, interceptors, errors, logging, storage."""

import os

# gRPC's C core writes lines of its own to standard error, ahead of the sentence that our errors
# make of the same fault. It reads the variable when grpc is first imported, so it stands here;
# whoever debugs gRPC itself can still set it.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
