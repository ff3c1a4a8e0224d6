"""The design of experiments: architectures, FLOP accounting, hyperparameter recipes and the IsoFLOP grid."""
