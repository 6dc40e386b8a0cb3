"""What is no production: launcher, invented people, demo, sample, writers of generated pages."""
