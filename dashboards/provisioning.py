"""The files by which Grafana finds the store and the dashboards. `$NAMES` come from Grafana's environment."""

from __future__ import annotations

from typing import Final

from dashboards.panels import DATASOURCE

_HEAD: Final = "# Written by `python -m dashboards.build`: change dashboards/provisioning.py, not this file.\n"

_LOGIN: Final = f"""\
{_HEAD}#
# InfluxDB 1.x: user and password of an account that may only read.
# InfluxDB 3: any user, and a token as the password.
apiVersion: 1
datasources:
  - uid: {DATASOURCE["uid"]}
    name: anlian-influx
    type: influxdb
    access: proxy
    isDefault: true
    editable: false
    url: $ANLIAN_INFLUX_URL
    user: $ANLIAN_INFLUX_USER
    jsonData:
      dbName: $ANLIAN_INFLUX_DATABASE
      httpMode: POST
      timeInterval: 10s
    secureJsonData:
      password: $ANLIAN_INFLUX_PASSWORD
"""

_TOKEN: Final = f"""\
{_HEAD}#
# InfluxDB 2.x: a token that may only read the bucket, and a DBRP mapping of the database name to it.
# Take this file instead of the one in datasources/: both name the same data source.
apiVersion: 1
datasources:
  - uid: {DATASOURCE["uid"]}
    name: anlian-influx
    type: influxdb
    access: proxy
    isDefault: true
    editable: false
    url: $ANLIAN_INFLUX_URL
    jsonData:
      dbName: $ANLIAN_INFLUX_DATABASE
      httpMode: POST
      timeInterval: 10s
      httpHeaderName1: Authorization
    secureJsonData:
      httpHeaderValue1: Token $ANLIAN_INFLUX_TOKEN
"""

_DASHBOARDS: Final = f"""\
{_HEAD}apiVersion: 1
providers:
  - name: anlian
    folder: 安联网
    folderUid: anlian
    type: file
    disableDeletion: true
    allowUiUpdates: false
    updateIntervalSeconds: 30
    options:
      path: $ANLIAN_GRAFANA_DASHBOARDS
"""

FILES: Final[dict[str, str]] = {
    "provisioning/datasources/anlian.yaml": _LOGIN,
    "provisioning/datasources-token/anlian.yaml": _TOKEN,
    "provisioning/dashboards/anlian.yaml": _DASHBOARDS,
}
"""The files by their path below `dashboards/`."""
