"""Where in Genesys Cloud Admin a thing is changed.

Names of the classic menu, as in the vendor's help pages "Create an OAuth client", "Edit a role", "Authorize
an OAuth client" and "Set an automatic inactivity timeout"; the new menu has the same pages under other
headings (docs/genesys-setup.md lists both).
"""

OAUTH = "Admin > Integrations > OAuth"
CLIENT_ROLES = f"{OAUTH} > the client > Roles"
TOKEN_DURATION = f"{OAUTH} > the client > Client Details > Token Duration"
CLIENT_SCOPES = f"{OAUTH} > the client > Scope"
AUTHORIZED_APPLICATIONS = "Admin > Integrations > Authorized Applications"
ROLES = "Admin > People & Permissions > Roles / Permissions"
PERSON_ROLES = "Admin > People & Permissions > People > the person > Roles"
INACTIVITY = "Admin > Account Settings > Organization Settings > Settings > Inactivity Timeout"

TAKES_A_WHILE = "A changed role takes up to five minutes to take effect."
