"""What is wrong with an experiment beyond its config's keys: a file each for text, suites, fits and the machine."""
