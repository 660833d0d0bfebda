package chart

import (
	"strings"
	"testing"
)

// OPS-07, TOK-02: values that would do harm, or nothing, are refused, and the message names the key and says in words what is wanted.
func TestChartRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range refusedValues() {
		t.Run(bad.set, func(t *testing.T) {
			t.Parallel()
			_, said, err := helm(t, "template", release, chartDir, "--kube-version", kubernetes, "--values", values(bad.base), "--set", bad.set)
			if err == nil {
				t.Fatal("taken")
			}
			for _, want := range []string{bad.says, bad.wanted} {
				if !strings.Contains(said, want) {
					t.Errorf("the message does not say %q:\n%s", want, said)
				}
			}
			if strings.ContainsAny(said, `^$`) {
				t.Errorf("the message shows a pattern:\n%s", said)
			}
		})
	}
}

// refusedValue is a value that is refused: the values that it is added to, the value, and two parts of what is said about it.
type refusedValue struct{ base, set, says, wanted string }

func refusedValues() []refusedValue {
	return []refusedValue{
		{"embedded", "replicas=2", "cannot share the embedded store", ""},
		{"embedded", "autoscaling.enabled=true", "cannot share the embedded store", ""},
		{"embedded", "replicas=0", "/replicas", "want 1"},
		{"embedded", "replicas=two", "/replicas", "got string, want null or integer"},
		{"redis", "replicas=51", "/replicas", "want 50"},
		{"desk", "autoscaling.minReplicas=7", "autoscaling.minReplicas is above autoscaling.maxReplicas", ""},
		{"desk", "autoscaling.minReplicas=1", "/autoscaling/minReplicas", "want 2"},
		{"embedded", "secret.name=", "/secret/name", "the name of a Secret"},
		{"embedded", "secret.name=null", "name", ""},
		{"embedded", "secret.keys=", "/secret/keys", "the name of an item"},
		{"embedded", "secret.loginKey=../other", "/secret/loginKey", "the name of an item"},
		{"embedded", "secret.password=canary", "password", ""},
		{"embedded", "image.tag=latest", "/image/tag", "a release that stays what it is"},
		{"embedded", "image.digest=sha256:abc", "/image/digest", "64 hexadecimal digits"},
		{"embedded", "image.pullPolicy=Sometimes", "/image/pullPolicy", "'Always', 'IfNotPresent', 'Never'"},
		{"embedded", "persistence.size=10G", "/persistence/size", "like 1Gi"},
		{"embedded", "doctor.adminClient=doctor", "doctor.adminClient and doctor.adminSecret belong together", ""},
		{"embedded", "doctor.secret=canary", "secret", ""},
		{"embedded", "service.port=0", "/service/port", "want 1"},
		{"embedded", "service.type=ExternalName", "/service/type", "'ClusterIP', 'NodePort', 'LoadBalancer'"},
		{"embedded", "gateway.enabled=true", "gateway.parentRefs", ""},
		{"embedded", "replicaCount=1", "replicaCount", ""},
		{"embedded", "ingress.host=a.example", "host", ""},
		{"embedded", "holidays[0]=tomorrow", "/holidays/0", "a date like 2026-11-03"},
		{"embedded", "serviceMonitor.interval=0", "/serviceMonitor/interval", "want string"},
		{"embedded", "podDisruptionBudget.maxUnavailable=0", "/podDisruptionBudget/maxUnavailable", "want 1"},
		{"embedded", "networkPolicy.ingressFrom[0].ipBlok.cidr=10.0.0.0/8", "ipBlok", ""},
		{"embedded", "config.base_ulr=https://otp.example.ac.jp", "base_ulr", ""},
		{"embedded", "config.base_url=null", "base_url", ""},
		{"embedded", "config.recovery.link_life=25h", "/config/recovery/link_life", "1h to 24h, or 5m to 1440m"},
		{"embedded", "config.recovery.link_life=4m", "/config/recovery/link_life", "1h to 24h, or 5m to 1440m"},
		{"embedded", "config.recovery.key_life=11m", "/config/recovery/key_life", "5m to 10m"},
		{"embedded", "config.keycloak.password_age=23h", "/config/keycloak/password_age", "24h to 720h"},
		{"embedded", "config.keycloak.allowed_group=otp", "/config/keycloak/allowed_group", "a full path like /otp-recoverable"},
		{"embedded", "config.keycloak.realm=null", "realm", ""},
		{"embedded", "config.sign_in.gate_group=null", "gate_group", ""},
		{"embedded", "config.sign_in.client_secret_file=/x", "client_secret_file", ""},
		{"embedded", "config.keys_file=/x", "keys_file", ""},
		{"embedded", "config.listen=:1", "listen", ""},
		{"embedded", "config.languages[0]=fr", "/config/languages/0", "'ja', 'en'"},
		{"embedded", "config.log.level=verbose", "/config/log/level", "'debug', 'info', 'warn', 'error'"},
		{"embedded", "config.organisation.short_issuer=a:b", "/config/organisation/short_issuer", "ASCII characters without a colon"},
		{"embedded", "config.organisation.accent=blue", "/config/organisation/accent", "a colour like"},
		{"redis", "config.store.redis.database=16", "/config/store/redis/database", "want 15"},
		{"redis", "config.store.redis.prefix=a b", "/config/store/redis/prefix", "1 to 64 letters"},
		{"desk", "config.policies[0].approvals=3", "/config/policies/0/approvals", "want 2"},
		{"desk", "config.policies[1].delay=73h", "/config/policies/1/delay", "0h to 72h"},
		{"desk", "config.policies[0].ways[0]=fax", "/config/policies/0/ways/0", "'mail', 'desk'"},
		{"desk", "config.help_desk.hours[0]=9-17", "/config/help_desk/hours/0", `like "Mon-Fri 09:00-17:00"`},
		{"desk", "config.help_desk.checks[0].id=Kennwort", "/config/help_desk/checks/0/id", "a name of small letters"},
		{"embedded", "config.base_url=http://otp.example.ac.jp", "/config/base_url", "https://HOST without a path"},
		{"embedded", "config.base_url=https://otp.example.ac.jp/otp", "/config/base_url", "https://HOST without a path"},
		{"embedded", "config.sign_in.issuer=http://sso.example.ac.jp/realms/campus", "/config/sign_in/issuer", "https://HOST/realms/REALM"},
		{"embedded", "config.keycloak.url=http://sso.example.ac.jp", "/config/keycloak/url", "https://HOST"},
		{"embedded", "config.keycloak.password_reset=mail:", "/config/keycloak/password_reset", "none, desk, mail:ATTRIBUTE"},
		{"embedded", "config.keycloak.addresses=null", "/config/keycloak/addresses", "want array"},
		{"embedded", "config.mail.smtp=smtp.example.ac.jp", "/config/mail/smtp", "smtps://USER@HOST:465"},
		{"embedded", "config.mail.from=Settings", "/config/mail/from", "<name@example.ac.jp>"},
		{"embedded", "config.trusted_proxies[0]=10.0.0.0/99", "/config/trusted_proxies/0", "a network like 10.0.0.0/8"},
		{"embedded", "config.organisation.name.ja=", "/config/organisation/name/ja", "text of one line"},
		{"embedded", "config.help_desk.contacts[0].url=tel:1", "/config/help_desk/contacts/0/url", "an https or mailto address"},
		{"embedded", "config.help_desk.contacts=null", "/config/help_desk/contacts", "want array"},
		{"desk", "config.help_desk.mailbox=desk", "/config/help_desk/mailbox", "one mail address"},
		{"desk", "config.policies[0].ways=null", "/config/policies/0/ways", "want array"},
		{"desk", "config.policies[2].name=other", "/config/policies/2", "missing property 'ways'"},
		{"redis", "config.store.redis.addresses[0]=redis", "/config/store/redis/addresses/0", "HOST:PORT"},
		{"embedded", "config.guard_every=6m", "/config/guard_every", "1m to 5m, or 5s to 300s"},
		{"embedded", "serviceMonitor.enabled=true", "networkPolicy.monitoringFrom", "lets nobody read /metrics"},
		{"embedded", "tolerations[0].foo=a", "/tolerations/0", "'foo' not allowed"},
		{"embedded", "tolerations[0].operator=Sometimes", "/tolerations/0/operator", "'Exists', 'Equal'"},
		{"embedded", "affinity.podAntiAffinity.foo=a", "/affinity/podAntiAffinity", "'foo' not allowed"},
		{"embedded", "affinity.nodeAffinity.foo=a", "/affinity/nodeAffinity", "'foo' not allowed"},
		{"embedded", "networkPolicy.keycloakTo[0].ipBlock.cidr=bad", "/networkPolicy/keycloakTo/0/ipBlock/cidr", "a network like 10.0.0.0/8"},
		{"embedded", "networkPolicy.smtpTo[0].ipBlock.cidr=300.0.0.0/8", "/networkPolicy/smtpTo/0/ipBlock/cidr", "a network like 10.0.0.0/8"},
		{"embedded", "networkPolicy.ingressFrom[0].ipBlock.cidr=10.0.0.0", "/networkPolicy/ingressFrom/0/ipBlock/cidr", "a network like 10.0.0.0/8"},
		{"embedded", "networkPolicy.ingressFrom[0].podSelector.app=nginx", "/networkPolicy/ingressFrom/0/podSelector", "'app' not allowed"},
		{"embedded", "image.repository=a b", "/image/repository", "the name of an image without its tag"},
		{"embedded", "image.repository=registry.example.ac.jp/otpbridge:0.1.0", "/image/repository", "the name of an image without its tag"},
		{"embedded", "holidays[0]=2026-02-31", "holidays: 2026-02-31", "no day of the calendar"},
		{"embedded", "holidays[0]=2027-02-29", "holidays: 2027-02-29", "no day of the calendar"},
		{"embedded", "config.mail.smtp=smtp://h:99999", "config.mail.smtp", "99999 is not one of 1 to 65535"},
		{"embedded", "config.keycloak.url=https://h:65536", "config.keycloak.url", "65536 is not one of 1 to 65535"},
		{"embedded", `podLabels.app\.kubernetes\.io/name=a`, "podLabels: app.kubernetes.io/name", "the chart's own label"},
		{"embedded", "podAnnotations.checksum/config=a", "podAnnotations: checksum/config", "the chart's own annotation"},
		{"redis", "podDisruptionBudget.maxUnavailable=2", "podDisruptionBudget.maxUnavailable: 2 of 2", "nobody who serves"},
		{"desk", "podDisruptionBudget.maxUnavailable=3", "podDisruptionBudget.maxUnavailable: 3 of 2", "nobody who serves"},
	}
}
