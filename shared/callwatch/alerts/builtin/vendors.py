"""Rules on the services that the product lives on, as our checks see them and as the product's own work meets them."""

from callwatch.alerts.builtin.parts import DATABASE, LOUD, NORMAL, VENDOR_IS_OUT, same_service
from callwatch.alerts.rule import AlertRule, Condition
from callwatch.models.alert import AlertLevel as Level

VENDOR_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "service_down", "Service down", Level.CRITICAL, LOUD, (Condition("provider.status", ">=", 2),),
        cooldown_minutes=15, depends_on=same_service("vendor_auth", "vendor_quota"), hint="A service does not serve us",
    ),
    AlertRule(
        "service_degraded", "Service degraded", Level.WARNING, NORMAL, (Condition("provider.status", "==", 1),),
        for_s=180, cooldown_minutes=30, depends_on=same_service("vendor_rate_limited", *VENDOR_IS_OUT),
        hint="A service answers badly, and not for the first time",
    ),
    AlertRule(
        "vendor_auth", "Key refused", Level.CRITICAL, LOUD, (Condition("service.reason_auth", ">=", 1),),
        cooldown_minutes=30, hint="A service refuses our key",
    ),
    AlertRule(
        "vendor_quota", "Quota used up", Level.CRITICAL, LOUD,
        (Condition("service.reason_quota", ">=", 1), Condition("vendor.quota", ">=", 1)),
        cooldown_minutes=30, hint="Our quota or credit with a service is used up",
    ),
    AlertRule(
        "vendor_rate_limited", "Rate limited", Level.WARNING, NORMAL,
        (Condition("service.rate_limited", ">=", 1), Condition("vendor.rate_limited", ">=", 1)),
        cooldown_minutes=30, depends_on=same_service(*VENDOR_IS_OUT),
        hint="A service is up, and refuses some calls because we ask too often",
    ),
    AlertRule(
        "vendor_errors", "Vendor errors", Level.WARNING, NORMAL, (Condition("vendor.error_ratio", ">", 0.3),),
        cooldown_minutes=30, depends_on=(*DATABASE, *same_service(*VENDOR_IS_OUT, "vendor_rate_limited")),
        hint="Much of the product's own work at a service fails",
    ),
)  # fmt: skip
