"""Pictures for pretraining: a few photographs and cut-outs become any number of small views."""
