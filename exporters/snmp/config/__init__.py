"""What a person wrote: `snmp.yml` in its forms, flags, credentials, which module fits which device."""
