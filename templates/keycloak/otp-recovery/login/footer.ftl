<#-- What stands under every page of the sign-in: a link for people without their authenticator, on the one-time password page only. -->
<#macro content>
  <#if (pageId!"") == "login-otp">
    <#local url = msg("otpRecoveryUrl")>
    <#if url == "otpRecoveryUrl" || !url?has_content><#local url = properties.otpRecoveryUrl!""></#if>
    <#if url?has_content>
      <div id="kc-otp-recovery" style="padding: 1rem; text-align: center"><a href="${url}">${msg("otpRecoveryLink")}</a></div>
    </#if>
  </#if>
</#macro>
