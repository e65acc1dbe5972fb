{{- define "operator.name" -}}
{{ .Release.Name | trunc 45 | trimSuffix "-" }}-operator
{{- end }}

{{- define "operator.webhookService" -}}
{{ .Release.Name | trunc 45 | trimSuffix "-" }}-webhook
{{- end }}

{{- define "operator.webhookSecret" -}}
{{ .Release.Name | trunc 45 | trimSuffix "-" }}-webhook-tls
{{- end }}

{{- define "operator.selectorLabels" -}}
app.kubernetes.io/name: agent-reliability-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "operator.labels" -}}
{{ include "operator.selectorLabels" . }}
app.kubernetes.io/part-of: agent-reliability
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{/* image (dict "image" .Values.image "default" .Chart.AppVersion) */}}
{{- define "operator.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .default }}
{{- end }}
{{- end }}

{{- define "operator.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "operator.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "operator.flags" -}}
- --namespace=$(POD_NAMESPACE)
- --sidecar-image={{ include "operator.image" (dict "image" .Values.sidecar.image "default" .Chart.AppVersion) }}
- --sidecar-image-pull-policy={{ .Values.sidecar.image.pullPolicy }}
- --webhook-service-name={{ include "operator.webhookService" . }}
- --webhook-secret-name={{ include "operator.webhookSecret" . }}
- --mutating-webhook-name={{ include "operator.name" . }}
- --validating-webhook-name={{ include "operator.name" . }}
- --leader-elect-lease-name={{ include "operator.name" . }}
- --metrics-address=0.0.0.0:8080
- --health-address=0.0.0.0:8081
- --webhook-address=0.0.0.0:9443
- --log-level={{ .Values.logLevel }}
{{- end }}
