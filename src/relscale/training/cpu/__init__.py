"""Kernels in C for training on a processor: an optional extra behind ``relscale.training.ops``, used nowhere else.

Reason: at the widths that a laptop trains (16 to 256) torch's own operations spend as much time in passes over
memory as in matrix products. The kernels fuse them: a layer's norm, rotation, SwiGLU, softmax and attention each take
one pass. Deleting them would also change the last digits of every stored run of the default experiment.

If the processor supports bf16, ``bf16.c`` computes the products too, including those of attention and of the loss: a
step then takes half the time of float32.

Costs: C code (``native.c``, ``bf16.c``), a compiler on the machine and ``ctypes``. Without a compiler, with several
threads, on a GPU, under autocast or ``torch.compile``, or with ``RELSCALE_NATIVE=0``, ``ops`` computes the same with
torch's operations, and results differ by rounding.

Gains: at width 24 with a vocabulary of 300 and sequences of 128, a step takes 5.9 ms of processor time
instead of 8.4 (medians of three alternating runs on one busy core, C-AdamC). The larger the products, the smaller the
gain; ``benchmarks/training.py`` measures it for other widths.
"""
