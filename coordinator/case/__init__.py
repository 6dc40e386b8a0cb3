"""Cases of the officers: their states, their store, and the service that shows them."""
