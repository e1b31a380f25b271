"""AWS on this machine, as far as it goes without an account: tools, emulator, Lambda."""
