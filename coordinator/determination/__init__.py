"""From the opened bits to advice: determination, its words, its commitment."""
