package chart

import (
	"strings"
	"testing"
)

// OPS-07: values that would do harm, or nothing, are refused, and the message names the key.
func TestChartRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []struct{ base, set, says string }{
		{"embedded", "replicas=2", "cannot share the embedded store"},
		{"embedded", "autoscaling.enabled=true", "cannot share the embedded store"},
		{"embedded", "replicas=0", "/replicas"},
		{"embedded", "replicas=two", "/replicas"},
		{"redis", "replicas=51", "/replicas"},
		{"desk", "autoscaling.minReplicas=7", "autoscaling.minReplicas is above autoscaling.maxReplicas"},
		{"desk", "autoscaling.minReplicas=1", "/autoscaling/minReplicas"},
		{"embedded", "secret.name=", "/secret/name"},
		{"embedded", "secret.name=null", "name"},
		{"embedded", "secret.keys=", "/secret/keys"},
		{"embedded", "secret.loginKey=../other", "/secret/loginKey"},
		{"embedded", "secret.password=canary", "password"},
		{"embedded", "image.tag=latest", "/image/tag"},
		{"embedded", "image.digest=sha256:abc", "/image/digest"},
		{"embedded", "image.pullPolicy=Sometimes", "/image/pullPolicy"},
		{"embedded", "persistence.size=10", "/persistence/size"},
		{"embedded", "doctor.adminClient=doctor", "doctor.adminClient and doctor.adminSecret belong together"},
		{"embedded", "doctor.secret=canary", "secret"},
		{"embedded", "service.port=0", "/service/port"},
		{"embedded", "service.type=ExternalName", "/service/type"},
		{"embedded", "gateway.enabled=true", "gateway.parentRefs"},
		{"embedded", "replicaCount=1", "replicaCount"},
		{"embedded", "ingress.host=a.example", "host"},
		{"embedded", "holidays[0]=tomorrow", "/holidays/0"},
		{"embedded", "serviceMonitor.interval=0", "/serviceMonitor/interval"},
		{"embedded", "podDisruptionBudget.maxUnavailable=0", "/podDisruptionBudget/maxUnavailable"},
		{"embedded", "networkPolicy.ingressFrom[0].ipBlok.cidr=10.0.0.0/8", "ipBlok"},
		{"embedded", "config.base_ulr=https://otp.example.ac.jp", "base_ulr"},
		{"embedded", "config.base_url=null", "base_url"},
		{"embedded", "config.recovery.link_life=25h", "/config/recovery/link_life"},
		{"embedded", "config.recovery.link_life=4m", "/config/recovery/link_life"},
		{"embedded", "config.recovery.key_life=11m", "/config/recovery/key_life"},
		{"embedded", "config.keycloak.password_age=23h", "/config/keycloak/password_age"},
		{"embedded", "config.keycloak.allowed_group=otp", "/config/keycloak/allowed_group"},
		{"embedded", "config.keycloak.realm=null", "realm"},
		{"embedded", "config.sign_in.gate_group=null", "gate_group"},
		{"embedded", "config.sign_in.client_secret_file=/x", "client_secret_file"},
		{"embedded", "config.keys_file=/x", "keys_file"},
		{"embedded", "config.listen=:1", "listen"},
		{"embedded", "config.languages[0]=fr", "/config/languages/0"},
		{"embedded", "config.log.level=verbose", "/config/log/level"},
		{"embedded", "config.organisation.short_issuer=a:b", "/config/organisation/short_issuer"},
		{"embedded", "config.organisation.accent=blue", "/config/organisation/accent"},
		{"redis", "config.store.redis.database=16", "/config/store/redis/database"},
		{"redis", "config.store.redis.prefix=a b", "/config/store/redis/prefix"},
		{"desk", "config.policies[0].approvals=3", "/config/policies/0/approvals"},
		{"desk", "config.policies[1].delay=73h", "/config/policies/1/delay"},
		{"desk", "config.policies[0].ways[0]=fax", "/config/policies/0/ways/0"},
		{"desk", "config.help_desk.hours[0]=9-17", "/config/help_desk/hours/0"},
		{"desk", "config.help_desk.checks[0].id=Kennwort", "/config/help_desk/checks/0/id"},
	} {
		t.Run(bad.set, func(t *testing.T) {
			t.Parallel()
			_, said, err := helm(t, "template", release, chartDir, "--kube-version", kubernetes, "--values", values(bad.base), "--set", bad.set)
			if err == nil {
				t.Fatal("taken")
			}
			if !strings.Contains(said, bad.says) {
				t.Errorf("the message does not say %q:\n%s", bad.says, said)
			}
		})
	}
}
