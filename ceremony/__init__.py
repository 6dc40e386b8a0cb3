"""The ceremony: authority, join requests, certificates, the joint key, the federation file."""
