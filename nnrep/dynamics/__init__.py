"""Langevin dynamics and replica exchange on the device.

Units: positions in the system's unit of length (nm of molecules), velocities in that a picosecond, energies
in the system's unit (kJ/mol), masses in dalton, temperatures in kelvin. A system without units has its own:
temperatures are energies (Boltzmann's constant is 1), and the picosecond is its unit of time.
"""
