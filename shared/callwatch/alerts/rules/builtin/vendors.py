"""Rules on the services that the product depends on, from our checks and from the product's own requests."""

from callwatch.alerts.rules.builtin.common import DATABASE, LOUD, NORMAL, OWN_NETWORK, VENDOR_IS_OUT, list_service_causes
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.models.alert import AlertLevel as Level

VENDOR_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        OWN_NETWORK, "Own network", Level.CRITICAL, LOUD, (Condition("network.unreached_ratio", ">=", 0.75),),
        for_s=60, cooldown_minutes=15, hint="Most external services are unreachable at once: our own network is down",
    ),
    AlertRule(
        "service_down", "Service down", Level.CRITICAL, LOUD, (Condition("provider.status", ">=", 2),),
        cooldown_minutes=15, depends_on=(OWN_NETWORK, *list_service_causes("vendor_auth", "vendor_quota")),
        hint="A service is down for us",
    ),
    AlertRule(
        "service_degraded", "Service degraded", Level.WARNING, NORMAL, (Condition("provider.status", "==", 1),),
        for_s=180, cooldown_minutes=30, depends_on=(OWN_NETWORK, *list_service_causes("vendor_rate_limited", *VENDOR_IS_OUT)),
        hint="A service repeatedly responds badly",
    ),
    AlertRule(
        "service_flapping", "Service flapping", Level.ERROR, LOUD, (Condition("service.flapping_ratio", ">=", 0.3),),
        resolve_for_s=300, cooldown_minutes=30,
        depends_on=(*DATABASE, OWN_NETWORK, *list_service_causes(*VENDOR_IS_OUT)),
        hint="A service keeps failing and recovering",
    ),
    AlertRule(
        "vendor_auth", "Key rejected", Level.CRITICAL, LOUD, (Condition("service.reason_auth", ">=", 1),),
        cooldown_minutes=30, hint="A service rejects our API key",
    ),
    AlertRule(
        "vendor_quota", "Quota used up", Level.CRITICAL, LOUD,
        (Condition("service.reason_quota", ">=", 1), Condition("vendor.quota", ">=", 1)),
        cooldown_minutes=30, hint="Our quota or credit at a service is used up",
    ),
    AlertRule(
        "vendor_rate_limited", "Rate limited", Level.WARNING, NORMAL,
        (Condition("service.rate_limited", ">=", 1), Condition("vendor.rate_limited", ">=", 1)),
        cooldown_minutes=30, depends_on=list_service_causes(*VENDOR_IS_OUT),
        hint="A service is up but rejects some requests because we send too many",
    ),
    AlertRule(
        "vendor_errors", "Vendor errors", Level.WARNING, NORMAL, (Condition("vendor.error_ratio", ">", 0.3),),
        cooldown_minutes=30, depends_on=(*DATABASE, *list_service_causes(*VENDOR_IS_OUT, "vendor_rate_limited")),
        hint="Many of the product's own requests to a service fail",
    ),
)  # fmt: skip
