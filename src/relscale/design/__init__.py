"""What to train: architectures, FLOP accounting, hyperparameter recipes and the IsoFLOP grid."""
