"""What lies on this machine: homes, settings, keys, certificates, addresses."""
