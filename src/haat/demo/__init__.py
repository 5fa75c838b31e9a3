"""The demo shop: a catalogue, its pictures and a past, all written for this project and free of input and output."""
