"""Sparse binary networks in the domain {alpha, beta}, as torch modules (sbnn.md A).

Layers whose weights take few values chosen by a mask, the rules that choose masks, the released
penalty, networks and recipes. Unlike the solvers these modules are floating-point models: they hold
convolutions and real layers, which the exact core does not.
"""
