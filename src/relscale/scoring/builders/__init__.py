"""How the data of a suite are made from held-out documents; one file per suite."""
