"""What crosses the network: channels, servers, the guard before every handler."""
