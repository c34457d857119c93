"""Kernels inside images: their kernelspecs, the provisioner that Jupyter loads, and the process between it and the container."""
