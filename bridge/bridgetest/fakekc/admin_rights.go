package fakekc

import "net/http"

// management is the client whose roles are the rights over the realm.
const management = "realm-management"

// GET /admin/realms/{realm}/clients: of all clients the account may see that one.
func (c *call) searchClients() reply {
	if id := c.r.URL.Query().Get("clientId"); id != "" && id != management {
		return c.none()
	}
	return c.ok([]map[string]any{{"id": c.s.managementID, "clientId": management, "bearerOnly": true, "enabled": true}})
}

// GET /admin/realms/{realm}/users/{id}/role-mappings/clients/{client}/composite: only for those who may see the client.
func (c *call) allRights() reply {
	switch {
	case c.r.PathValue("client") != c.s.managementID:
		return c.fault(http.StatusNotFound, "Client not found")
	case !c.client.Service.Administrators:
		return c.fault(http.StatusForbidden, "HTTP 403 Forbidden")
	}
	out := []map[string]any{}
	for _, name := range c.s.effectiveRights(c.user) {
		out = append(out, map[string]any{"id": name, "name": name, "clientRole": true, "containerId": c.s.managementID})
	}
	return c.ok(out)
}
