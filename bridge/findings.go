package bridge

// What can be found. docs/doctor.md lists every one; the catalogue of findings says what each means and what mends it.
const (
	FindIssuerAway    FindingID = "issuer.away"
	FindIssuerDiffers FindingID = "issuer.differs"
	FindIssuerForeign FindingID = "issuer.foreign" // Object: the issuer

	FindKeycloakOld          FindingID = "keycloak.old"
	FindKeycloakNew          FindingID = "keycloak.new"
	FindKeycloakHole         FindingID = "keycloak.hole"          // Object: the CVE; fixed in a later version
	FindKeycloakFlowEnforcer FindingID = "keycloak.flow_enforcer" // CVE-2026-94218, with the executor auth-flow-enforcer only; no policy uses it

	FindRealmUnreadable FindingID = "realm.unreadable" // Object: what of it
	FindRealmTLS        FindingID = "realm.tls"
	FindRealmDiffers    FindingID = "realm.differs" // Object: what of it
	FindRealmBlocked    FindingID = "realm.blocked"

	FindFlowUnbound     FindingID = "flow.unbound"
	FindFlowOpen        FindingID = "flow.open"
	FindFlowGate        FindingID = "flow.gate"
	FindFlowLevel       FindingID = "flow.level"
	FindFlowEnrol       FindingID = "flow.enrol"       // Object: the flow
	FindFlowPassword    FindingID = "flow.password"    // Object: the flow
	FindFlowTicket      FindingID = "flow.ticket"      // Object: the flow
	FindFlowCertificate FindingID = "flow.certificate" // Object: the flow
	FindFlowOverride    FindingID = "flow.override"    // Object: the client
	FindFlowLogin       FindingID = "flow.login"       // the login client has a flow of its own
	FindFlowEnforced    FindingID = "flow.enforced"    // Object: the client policy

	FindScopeMissing FindingID = "scope.missing"
	FindScopeDefault FindingID = "scope.default"
	FindScopeShared  FindingID = "scope.shared" // Object: the client
	FindScopeLogin   FindingID = "scope.login"

	FindProviderFlow    FindingID = "provider.flow"    // Object: the identity provider
	FindProviderLinking FindingID = "provider.linking" // Object: the identity provider
	FindProviderSilent  FindingID = "provider.silent"  // Object: the identity provider
	FindProviderWrites  FindingID = "provider.writes"  // Object: the identity provider

	FindGateMissing FindingID = "gate.missing"
	FindGateRole    FindingID = "gate.role"   // Object: the group that lacks the role
	FindGateSpread  FindingID = "gate.spread" // Object: who else has the role
	FindGateDefault FindingID = "gate.default"
	FindGateMembers FindingID = "gate.members"

	FindParPolicy FindingID = "par.policy"
	FindParPlain  FindingID = "par.plain"
	FindParExtra  FindingID = "par.extra"
	FindParScope  FindingID = "par.scope" // Object: the client

	FindLoginMissing   FindingID = "login.missing"
	FindLoginRefused   FindingID = "login.refused" // Object: the client
	FindLoginPAR       FindingID = "login.par"
	FindLoginPKCE      FindingID = "login.pkce"
	FindLoginRedirect  FindingID = "login.redirect"
	FindLoginRefresh   FindingID = "login.refresh"
	FindLoginGrants    FindingID = "login.grants" // Object: the grant
	FindLoginFullScope FindingID = "login.full_scope"
	FindLoginLogout    FindingID = "login.logout"
	FindLoginSecret    FindingID = "login.secret"
	FindLoginKeys      FindingID = "login.keys"
	FindLoginLevels    FindingID = "login.levels"
	FindLoginScopes    FindingID = "login.scopes"
	FindLoginRoles     FindingID = "login.roles" // Object: the role

	FindAdminMissing   FindingID = "admin.missing"
	FindAdminRefused   FindingID = "admin.refused" // Object: the client
	FindAdminKeys      FindingID = "admin.keys"
	FindAdminKeysURL   FindingID = "admin.keys_url"
	FindAdminSecret    FindingID = "admin.secret"
	FindAdminFullScope FindingID = "admin.full_scope"
	FindAdminGrants    FindingID = "admin.grants"
	FindKeysSame       FindingID = "keys.same"
	FindGrantOpen      FindingID = "grant.open"  // Object: the client
	FindGrantBasic     FindingID = "grant.basic" // Object: the client

	FindAdministratorRefused FindingID = "administrator.refused" // Object: the client
	FindAdministratorRights  FindingID = "administrator.rights"  // Object: the client

	FindRightsExcess     FindingID = "rights.excess"  // Object: the right
	FindRightsMissing    FindingID = "rights.missing" // Object: the right
	FindRightsWide       FindingID = "rights.wide"    // Object: the right
	FindRightsReach      FindingID = "rights.reach"   // a call that must be refused was not
	FindRightsManagement FindingID = "rights.management"
	FindRightsGroups     FindingID = "rights.groups" // Object: the group
	FindRightsShared     FindingID = "rights.shared" // Object: who or what else

	FindResetOpen   FindingID = "reset.open"
	FindResetOTP    FindingID = "reset.otp"
	FindResetConfig FindingID = "reset.config"
	FindResetPushed FindingID = "reset.pushed" // Object: the flow

	FindAllowedMissing      FindingID = "allowed.missing"
	FindAllowedDefault      FindingID = "allowed.default"
	FindAllowedAdmins       FindingID = "allowed.administrators"
	FindDirectoryUnimported FindingID = "directory.unimported" // Object: the user federation
	FindActionsPending      FindingID = "actions.pending"      // Object: the required action
	FindActionsDefault      FindingID = "actions.default"      // Object: the required action

	FindProfileAddress   FindingID = "profile.address"  // Object: the attribute
	FindProfileDeciding  FindingID = "profile.deciding" // Object: the attribute
	FindProfileMissing   FindingID = "profile.missing"  // Object: the attribute
	FindProfileUnmanaged FindingID = "profile.unmanaged"
	FindProfileEmail     FindingID = "profile.email"

	FindOTPUnserved  FindingID = "otp.unserved"
	FindOTPUncommon  FindingID = "otp.uncommon"
	FindOTPReusable  FindingID = "otp.reusable"
	FindOTPLookAhead FindingID = "otp.look_ahead"

	FindGuessingOff  FindingID = "guessing.off"
	FindGuessingWeak FindingID = "guessing.weak" // Object: the setting

	FindEventsOff     FindingID = "events.off"
	FindEventsTypes   FindingID = "events.types" // Object: the types
	FindEventsShort   FindingID = "events.short"
	FindEventsAdmin   FindingID = "events.admin"
	FindEventsDetails FindingID = "events.details"

	FindCodesUnused FindingID = "codes.unused"

	FindClockOff FindingID = "clock.off"

	FindMailAway        FindingID = "mail.away"
	FindMailPlain       FindingID = "mail.plain"
	FindMailCertificate FindingID = "mail.certificate"
	FindMailSignIn      FindingID = "mail.sign_in"
	FindMailSPF         FindingID = "mail.spf"
	FindMailDMARC       FindingID = "mail.dmarc"
	FindMailDomain      FindingID = "mail.domain"

	FindStoreAway     FindingID = "store.away"
	FindStoreVolatile FindingID = "store.volatile"
	FindStoreEvicts   FindingID = "store.evicts"
	FindStoreOther    FindingID = "store.other" // Object: the base URL

	FindFilesOpen     FindingID = "files.open" // Object: the file
	FindFilesOld      FindingID = "files.old"  // Object: the file
	FindFilesLeftOver FindingID = "files.left_over"

	FindProxiesWide    FindingID = "proxies.wide" // Object: the network
	FindProxiesMissing FindingID = "proxies.missing"

	FindBaseAway    FindingID = "base.away"
	FindBaseForeign FindingID = "base.foreign"

	FindThemeMissing   FindingID = "theme.missing"
	FindThemeElsewhere FindingID = "theme.elsewhere" // Object: the language

	FindRecoveriesPaused FindingID = "recoveries.paused"

	FindDoctorOld    FindingID = "doctor.old"
	FindDoctorUnkept FindingID = "doctor.unkept"
	FindDoctorLooked FindingID = "doctor.looked"
)

// findings says how bad each is.
func findings() map[FindingID]Severity {
	return map[FindingID]Severity{
		FindIssuerAway: Critical, FindIssuerDiffers: Critical, FindIssuerForeign: Critical,
		FindKeycloakOld: Critical, FindKeycloakNew: Info, FindKeycloakHole: Critical, FindKeycloakFlowEnforcer: Critical,
		FindRealmUnreadable: Deadly, FindRealmTLS: Critical, FindRealmDiffers: Info, FindRealmBlocked: Info,
		FindFlowUnbound: Deadly, FindFlowOpen: Deadly, FindFlowGate: Deadly, FindFlowEnrol: Deadly, FindFlowPassword: Deadly, FindFlowTicket: Deadly, FindFlowCertificate: Warning, FindFlowLevel: Deadly, FindFlowOverride: Deadly, FindFlowLogin: Deadly, FindFlowEnforced: Deadly,
		FindScopeMissing: Deadly, FindScopeDefault: Deadly, FindScopeShared: Deadly, FindScopeLogin: Critical,
		FindProviderFlow: Deadly, FindProviderLinking: Deadly, FindProviderSilent: Warning, FindProviderWrites: Deadly,
		FindGateMissing: Deadly, FindGateRole: Critical, FindGateSpread: Deadly, FindGateDefault: Deadly, FindGateMembers: Critical,
		FindParPolicy: Deadly, FindParPlain: Deadly, FindParExtra: Deadly, FindParScope: Deadly,
		FindLoginMissing: Critical, FindLoginRefused: Deadly, FindLoginPAR: Deadly, FindLoginPKCE: Critical, FindLoginRedirect: Critical, FindLoginRefresh: Warning, FindLoginGrants: Critical,
		FindLoginFullScope: Warning, FindLoginLogout: Warning, FindLoginSecret: Critical, FindLoginKeys: Critical, FindLoginLevels: Deadly, FindLoginScopes: Critical, FindLoginRoles: Critical,
		FindAdminMissing: Critical, FindAdminRefused: Critical, FindAdministratorRefused: Critical, FindAdministratorRights: Warning, FindAdminKeys: Critical, FindAdminKeysURL: Critical, FindAdminSecret: Critical, FindAdminFullScope: Warning, FindAdminGrants: Critical, FindKeysSame: Critical, FindGrantOpen: Critical, FindGrantBasic: Critical,
		FindRightsExcess: Critical, FindRightsMissing: Critical, FindRightsWide: Warning, FindRightsReach: Critical, FindRightsManagement: Warning, FindRightsGroups: Critical, FindRightsShared: Warning,
		FindResetOpen: Deadly, FindResetOTP: Deadly, FindResetConfig: Warning, FindResetPushed: Warning,
		FindAllowedMissing: Critical, FindAllowedDefault: Warning, FindAllowedAdmins: Critical, FindDirectoryUnimported: Warning, FindActionsPending: Warning, FindActionsDefault: Warning,
		FindProfileAddress: Deadly, FindProfileDeciding: Deadly, FindProfileMissing: Critical, FindProfileUnmanaged: Deadly, FindProfileEmail: Deadly,
		FindOTPUnserved: Critical, FindOTPUncommon: Warning, FindOTPReusable: Warning, FindOTPLookAhead: Warning,
		FindGuessingOff: Critical, FindGuessingWeak: Critical,
		FindEventsOff: Deadly, FindEventsTypes: Deadly, FindEventsShort: Deadly, FindEventsAdmin: Warning, FindEventsDetails: Info,
		FindCodesUnused: Info,
		FindClockOff:    Critical,
		FindMailAway:    Critical, FindMailPlain: Critical, FindMailCertificate: Critical, FindMailSignIn: Critical, FindMailSPF: Warning, FindMailDMARC: Warning, FindMailDomain: Warning,
		FindStoreAway: Critical, FindStoreVolatile: Critical, FindStoreEvicts: Critical, FindStoreOther: Critical,
		FindFilesOpen: Critical, FindFilesOld: Warning, FindFilesLeftOver: Info,
		FindProxiesWide: Critical, FindProxiesMissing: Warning,
		FindBaseAway: Warning, FindBaseForeign: Critical,
		FindThemeMissing: Info, FindThemeElsewhere: Warning,
		FindRecoveriesPaused: Info, FindDoctorOld: Warning, FindDoctorUnkept: Warning, FindDoctorLooked: Info,
	}
}
