<#-- What stands under every page of the sign-in: a link for people without their authenticator, on the one-time password page only. -->
<#macro content more...>
  <#if (pageId!"") == "login-otp">
    <#-- The first that is a web address. What is none, such as a slip, is as if it were not there. -->
    <#list [msg("otpRecoveryUrl"), properties.otpRecoveryUrl!""] as otpRecovery>
      <#if otpRecovery?trim?matches(r"https?://[^\s/].*", "i")>
        <#-- The colour of the text around it is one that can be read on any theme; the one of links is not. -->
        <div id="kc-otp-recovery" style="padding: 1rem; text-align: center">
          <a href="${otpRecovery?trim}" style="color: inherit; text-decoration: underline">${msg("otpRecoveryLink")}</a>
        </div>
        <#break>
      </#if>
    </#list>
  </#if>
</#macro>
