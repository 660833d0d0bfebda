{{/* Names and labels; the release's name tells two installations apart. */}}
{{- define "otpbridge.name" -}}
{{- if contains "otpbridge" .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-otpbridge" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "otpbridge.selector" -}}
app.kubernetes.io/name: otpbridge
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The pods that serve pages; the doctor's pod is none. */}}
{{- define "otpbridge.pods" -}}
{{ include "otpbridge.selector" . }}
app.kubernetes.io/component: pages
{{- end }}

{{- define "otpbridge.doctor" -}}
{{ printf "%s-doctor" (include "otpbridge.name" . | trunc 56) }}
{{- end }}

{{- define "otpbridge.labels" -}}
{{ include "otpbridge.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "otpbridge.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* "yes" when a Redis server is configured, "" with the embedded store. */}}
{{- define "otpbridge.redis" -}}
{{- if (.Values.config.store).redis }}yes{{ end }}
{{- end }}

{{/* How many processes, and what cannot be. */}}
{{- define "otpbridge.replicas" -}}
{{- $redis := include "otpbridge.redis" . }}
{{- $count := int (.Values.replicas | default (ternary 2 1 (eq $redis "yes"))) }}
{{- if and (not $redis) (gt $count 1) }}
{{- fail (printf "replicas: %d processes cannot share the embedded store; configure Redis (config.store.redis.addresses), or leave replicas at 1" $count) }}
{{- end }}
{{- if and (not $redis) .Values.autoscaling.enabled }}
{{- fail "autoscaling.enabled: several processes cannot share the embedded store; configure Redis (config.store.redis.addresses)" }}
{{- end }}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas" }}
{{- end }}
{{- $least := ternary (int .Values.autoscaling.minReplicas) $count .Values.autoscaling.enabled }}
{{- if and (ge $least 2) (ge (int .Values.podDisruptionBudget.maxUnavailable) $least) }}
{{- fail (printf "podDisruptionBudget.maxUnavailable: %d of %d processes away at once leave nobody who serves" (int .Values.podDisruptionBudget.maxUnavailable) $least) }}
{{- end }}
{{- $count }}
{{- end }}

{{/* What no schema can say: names that are taken, days and ports that do not exist, a monitor whom nobody lets in. */}}
{{- define "otpbridge.refuse" -}}
{{- range $key, $_ := .Values.podLabels }}
{{- if regexMatch "^(app\\.kubernetes\\.io/(name|instance|component|version|managed-by)|helm\\.sh/chart)$" $key }}
{{- fail (printf "podLabels: %s is the chart's own label" $key) }}
{{- end }}
{{- end }}
{{- if hasKey .Values.podAnnotations "checksum/config" }}
{{- fail "podAnnotations: checksum/config is the chart's own annotation" }}
{{- end }}
{{- range .Values.holidays }}
{{- if ne (toDate "2006-01-02" . | date "2006-01-02") . }}
{{- fail (printf "holidays: %s is no day of the calendar" .) }}
{{- end }}
{{- end }}
{{- $c := .Values.config }}
{{- range $key, $url := dict "base_url" $c.base_url "sign_in.issuer" $c.sign_in.issuer "keycloak.url" $c.keycloak.url "mail.smtp" $c.mail.smtp }}
{{- $port := include "otpbridge.port" (dict "url" $url "ports" dict) }}
{{- if and $port (or (gt (int $port) 65535) (lt (int $port) 1)) }}
{{- fail (printf "config.%s: the port %s is not one of 1 to 65535" $key $port) }}
{{- end }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.networkPolicy.enabled (not .Values.networkPolicy.monitoringFrom) }}
{{- fail "serviceMonitor.enabled: the network policy lets nobody read /metrics; say in networkPolicy.monitoringFrom where Prometheus is, like [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]" }}
{{- end }}
{{- end }}

{{/* Folders inside the container. The configuration is where the program looks by itself, so that `kubectl exec … /otpbridge recoveries list` finds it. */}}
{{- define "otpbridge.folders" -}}
config: /etc/otpbridge
secret: /run/otpbridge/secret
state: /var/lib/otpbridge
authorities: /run/otpbridge/authorities
doctor: /run/otpbridge/doctor
{{- end }}

{{/* The configuration file: what values say, and what the chart sets itself. */}}
{{- define "otpbridge.config" -}}
{{- $folders := include "otpbridge.folders" . | fromYaml }}
{{- $own := dict "listen" ":8080" "admin_listen" ":9090" }}
{{- $_ := set $own "keys_file" (printf "%s/%s" $folders.secret .Values.secret.keys) }}
{{- $_ := set $own "sign_in" (dict "client_key_file" (printf "%s/%s" $folders.secret .Values.secret.loginKey)) }}
{{- $_ := set $own "keycloak" (dict "client_key_file" (printf "%s/%s" $folders.secret .Values.secret.adminKey)) }}
{{- $_ := set $own "audit" (dict "file" (printf "%s/audit.jsonl" $folders.state)) }}
{{- if .Values.secret.smtpPassword }}
{{- $_ := set $own "mail" (dict "password_file" (printf "%s/%s" $folders.secret .Values.secret.smtpPassword)) }}
{{- end }}
{{- if include "otpbridge.redis" . }}
{{- $redis := dict }}
{{- if .Values.secret.redisPassword }}{{ $_ := set $redis "password_file" (printf "%s/%s" $folders.secret .Values.secret.redisPassword) }}{{ end }}
{{- if .Values.secret.redisSentinelPassword }}{{ $_ := set $redis "sentinel_password_file" (printf "%s/%s" $folders.secret .Values.secret.redisSentinelPassword) }}{{ end }}
{{- $_ := set $own "store" (dict "redis" $redis) }}
{{- else }}
{{- $_ := set $own "store" (dict "bolt" (printf "%s/state.db" $folders.state)) }}
{{- end }}
{{- if .Values.holidays }}
{{- $_ := set $own "help_desk" (dict "holidays_file" (printf "%s/holidays" $folders.config)) }}
{{- end }}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $own) }}
{{- end }}

{{/* host and port of an address, for the network policy. */}}
{{- define "otpbridge.port" -}}
{{- $url := urlParse .url }}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" }}
{{- $port | default (get .ports $url.scheme) }}
{{- end }}

{{- define "otpbridge.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "otpbridge.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What a container of ours sees of the outside: read-only files. */}}
{{- define "otpbridge.mounts" -}}
{{- $folders := include "otpbridge.folders" . | fromYaml }}
- {name: config, mountPath: {{ $folders.config }}, readOnly: true}
- {name: secret, mountPath: {{ $folders.secret }}, readOnly: true}
{{- if .Values.certificateAuthorities.configMap }}
- {name: authorities, mountPath: {{ $folders.authorities }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "otpbridge.volumes" -}}
- name: config
  configMap: {name: {{ include "otpbridge.name" . }}}
- name: secret
  secret: {secretName: {{ .Values.secret.name }}, defaultMode: 0440}
{{- if .Values.certificateAuthorities.configMap }}
- name: authorities
  configMap: {name: {{ .Values.certificateAuthorities.configMap }}}
{{- end }}
{{- end }}

{{- define "otpbridge.env" -}}
{{- if .Values.certificateAuthorities.configMap }}
- {name: SSL_CERT_DIR, value: {{ printf "%s:/etc/ssl/certs" (include "otpbridge.folders" . | fromYaml).authorities }}}
{{- end }}
{{- end }}
