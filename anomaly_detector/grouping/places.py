"""Which place a device has in the arrays of a query, and which a site. No I/O.

Places of those that are forgotten are given to the next ones that are met, so that names which come and go for ever
take no more room than there were at the same time.
"""

from collections.abc import Sequence

import numpy as np

from anomaly_detector.series_table import Rows

Device = tuple[str, str]  # its name, and that of its site or ""


class Places:
    """The devices of one query with their sites; `site_of` is the site's place of each place, -1 for none."""

    def __init__(self) -> None:
        self.devices: dict[str, int] = {}
        self.sites: dict[str, int] = {}
        self.site_of: list[int] = []
        self.site_places = 0  # those of sites that are forgotten among them
        self._free: list[int] = []
        self._free_sites: list[int] = []

    def __len__(self) -> int:
        """Return the number of places, free ones included."""
        return len(self.site_of)

    def meet(self, devices: Sequence[Device]) -> None:
        """Give each of these devices a place, and its site; who has one keeps it.

        >>> places = Places()
        >>> places.meet([("sw1", "berlin"), ("sw2", "")])
        >>> places.forget([0])
        >>> places.meet([("sw3", "bern")])
        >>> places.devices, places.sites, places.site_of
        ({'sw2': 1, 'sw3': 0}, {'bern': 0}, [0, -1])
        """
        for device, site in devices:
            site_place = self._site(site) if site else -1
            if device in self.devices:
                self.site_of[self.devices[device]] = site_place
            elif self._free:
                self.devices[device] = place = self._free.pop()
                self.site_of[place] = site_place
            else:
                self.devices[device] = len(self.site_of)
                self.site_of.append(site_place)

    def known(self) -> list[Device]:
        """Return the devices with their sites; their places are those of `taken`, in this order."""
        name_of = {place: name for name, place in self.sites.items()}
        return [(device, name_of.get(self.site_of[place], "")) for device, place in self.devices.items()]

    def taken(self) -> Rows:
        """Return the places in use, in the order of `devices`."""
        return np.fromiter(self.devices.values(), np.intp, len(self.devices))

    def forget(self, places: Sequence[int]) -> None:
        """Free places, and those of sites that have no device any more."""
        gone = set(places)
        self.devices = {device: place for device, place in self.devices.items() if place not in gone}
        for place in gone:
            self.site_of[place] = -1
        self._free += sorted(gone, reverse=True)
        used = set(self.site_of)
        self._free_sites += [place for place in self.sites.values() if place not in used]
        self.sites = {site: place for site, place in self.sites.items() if place in used}

    def _site(self, name: str) -> int:
        if name not in self.sites:
            if self._free_sites:
                self.sites[name] = self._free_sites.pop()
            else:
                self.sites[name] = self.site_places
                self.site_places += 1
        return self.sites[name]
