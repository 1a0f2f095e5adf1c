"""Names of the series of devices and sites, and what is said about them."""

GROUP, SITE, WORST = "anomaly_group_score", "anomaly_site_score", "anomaly_worst"
HELP = {
    GROUP: "How unusual a device is; above 1 is a notification within the budget.",
    SITE: "How unusual a site is: as much as its third device within six hours.",
    WORST: "Score of the worst series of a device that is above 1, or whose site speaks for it.",
}
