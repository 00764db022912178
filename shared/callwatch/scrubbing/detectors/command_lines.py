"""Finds passwords in command lines: the options of database clients, archivers, login commands and HTTP clients."""

import re
from re import Match

from callwatch.scrubbing.detectors.rules import RuleSet, make_rule

# A value in quotes, or up to the next blank.
_VALUE = r"(?:\"(?!\[)[^\"\r\n]{1,200}\"|'(?!\[)[^'\r\n]{1,200}'|(?![\[\"'-])[^\s\"'|;&<>]{2,200})"
_WITHIN = r"\b[^\r\n|;&]{0,200}?\s"


def _mask_user(match: Match[str]) -> str:
    # "-u 1000:1000" are ids of a user and a group, "-u host:/path" is a place.
    user, _, password = match["value"].partition(":")
    if (user.isdigit() and password.isdigit()) or password.startswith(("/", "[token]", "\\")):
        return match[0]
    return f"{match['before']}[credentials]"


COMMAND_RULES = (
    make_rule(
        "@ jdbc",
        r"(?i:\b(jdbc:oracle:(?:thin|oci8?):@?))[^\s/@:\"']{1,60}/\"?[^\s@\"]{1,120}\"?@",
        r"\1[credentials]@",
    ),
    make_rule(
        "sqlplus sqlldr expdp impdp exp imp rman",
        r"\b((?:sqlplus|sqlldr|expdp|impdp|exp|imp|rman(?: target| auxiliary| catalog)?)\s(?:-\w{1,10}\s{1,3}){0,3}(?:userid=)?)[\w$#.]{1,60}/(?!/|\[)[^\s@/\"']{2,120}(?=@|\s|$|[\"'])",
        r"\1[credentials]",
    ),
    make_rule(
        "-u* --proxy-user curl wget",
        r"(?<![\w-])(?P<before>(?:-[a-zA-Z]{0,5}[uU]\s{0,3}|--user(?:\s{1,3}|=)|--proxy-user(?:\s{1,3}|=))[\"']?)(?P<value>[^\s:\"'=/\[]{1,100}:[^\s\"']{2,200})",
        _mask_user,
    ),
    make_rule(
        "http https lftp smbclient",
        rf"(?P<before>\b(?:https?{_WITHIN}(?:-a|--auth)[ =][\"']?(?=[^\s:]{{1,60}}:)|lftp{_WITHIN}-u\s{{1,3}}(?=[^\s,]{{1,60}},)|smbclient{_WITHIN}-U\s{{0,3}}(?=[^\s%]{{1,60}}%)))(?P<value>[^\s\"'\[]{{3,200}})",
        r"\g<before>[credentials]",
    ),
    # The password follows -p immediately: after a blank stands a database.
    make_rule(
        "mysql* mariadb* mycli",
        rf"(?P<before>\b(?:mysql\w{{0,20}}|mariadb[\w-]{{0,20}}|mycli){_WITHIN}-p)(?:(?P<gap>\s{{1,3}})(?=[^\s]{{0,100}}\d)(?=[^\s]{{0,100}}[a-z])(?![\w.-]{{1,60}}\.\w{{2,4}}\b))?{_VALUE}",
        r"\g<before>[token]",
        re.I,
    ),
    make_rule(
        "mongo* sshpass docker podman redis ldap* rabbitmqadmin az 7z snowsql helm oc rclone",
        rf"(?P<before>\b(?:mongo\w{{0,20}}|sshpass|(?:docker|podman|helm(?: registry)?|oc|az) login|redis-cli|ldap\w{{1,20}}|rabbitmqadmin|7z[ar]? [a-z]|snowsql){_WITHIN}-[paw]\s{{0,2}})(?!\d{{1,5}}(?:\s|$)){_VALUE}",
        r"\g<before>[token]",
    ),
    make_rule("sshpass", rf"\b(sshpass\s{{1,3}}-p\s{{0,3}}){_VALUE}", r"\1[token]"),
    make_rule(
        "sqlcmd bcp isql osql zip unzip",
        rf"(?P<before>\b(?:sqlcmd|bcp|isql|osql|zip|unzip){_WITHIN}-P\s{{0,2}}){_VALUE}",
        r"\g<before>[token]",
    ),
    make_rule("snmp*", rf"(?P<before>\bsnmp\w{{1,12}}{_WITHIN}-A\s{{1,3}}){_VALUE}", r"\g<before>[token]"),
    make_rule("snmp*", rf"(?P<before>\bsnmp\w{{1,12}}{_WITHIN}-X\s{{1,3}}){_VALUE}", r"\g<before>[token]"),
    make_rule("openssl", rf"(?P<before>\bopenssl{_WITHIN}-[kK]\s{{1,3}}){_VALUE}", r"\g<before>[token]"),
    make_rule(
        "htpasswd",
        rf"(\bhtpasswd\s{{1,3}}-\w{{0,4}}b\w{{0,4}}\s{{1,3}}\S{{1,200}}\s{{1,3}}\S{{1,60}}\s{{1,3}}){_VALUE}",
        r"\1[token]",
    ),
    make_rule("chpasswd", r"(\bchpasswd\s{0,3}<<<\s{0,3}[\"']?[\w.-]{1,60}:)[^\s\"']{2,100}", r"\1[token]"),
    make_rule("net", r"(\bnet use\s[^\r\n]{1,200}?\s)(?![\[/])\S{3,100}(?=\s/user:)", r"\1[token]", re.I),
    make_rule(
        "sftp scp ftp ssh rsync",
        r"(?<![\w-])((?:sftp|scp|ftp|ssh|rsync)\s{1,3})[^\s:@/\[]{1,60}:[^\s@/]{3,100}(?=@[\w.-]{1,200})",
        r"\1[credentials]",
    ),
    make_rule(
        "aws",
        r"(\baws configure set (?:[\w.-]{1,60}\.)?aws_(?:secret_access_key|session_token|access_key_id)\s{1,3})(?!\[)\S{3,2000}",
        r"\1[token]",
    ),
    make_rule(
        "vault snyk doctl gh fly npm yarn",
        r"(\b(?:vault login|snyk auth|doctl auth init -t|gh auth login --with-token|npm token revoke)\s{1,3}(?:-\w[\w=-]{0,30}\s{1,3}){0,3})(?=\S{0,200}\d)(?![\[-])\S{8,400}",
        r"\1[token]",
    ),
    make_rule("-pass", r"(?i:(-pass(?:in|out)?\s{1,3}(?:pass|env):)\S{1,200})", r"\1[token]"),
    make_rule(
        "-- -pass -pwd -token -api -auth -secret -credential -bearer -storepass -keypass",
        r"(?<![\w-])(--?(?:\w{1,20}[-_]){0,4}(?:password|passwd|passphrase|pass|pwd|secret|token|api[-_]?key|secret[-_]?key|access[-_]?key|auth|credentials?|bearer|storepass|keypass))(\s{1,3}|=)"
        rf"(?!(?:none|basic|bearer|oauth2?|true|false|null|required|optional)\b){_VALUE}",
        r"\1\2[token]",
        re.I,
    ),
    make_rule("convertto-securestring", rf"(\bConvertTo-SecureString\s{{1,3}}(?:-String\s{{1,3}})?){_VALUE}", r"\1[token]", re.I),
    # Users are created and changed by statements, which a server repeats where it refuses one.
    make_rule(
        "identified",
        r"(\b(?:create|alter|grant)\b[^\r\n;]{1,300}?\bidentified(?: with [\w\"'`]{1,60})? (?:by|as)(?: values| password)? )(?!\[)(?:\"[^\"\r\n]{1,200}\"|'[^'\r\n]{1,200}'|[^\s;,()]{2,200})",
        r"\1[token]",
        re.I,
    ),
    make_rule(
        "sudo password-stdin* chpasswd",
        r"(\becho\s{1,3}(?:-n\s{1,3})?[\"']?)(?!\[)[^\s\"'|]{3,100}([\"']?\s{0,3}\|\s{0,3}(?:sudo\s{1,3}-S|chpasswd|[^|\r\n]{1,100}--password-stdin))",
        r"\1[token]\2",
    ),
    make_rule(
        "-b --cookie", r"(?<![\w-])((?:-b|--cookie)\s{1,3}[\"']?)(?=[^\s\"']{0,100}=)(?!\[)[^\"'\r\n]{3,400}", r"\1[token]"
    ),
)
COMMANDS = RuleSet(COMMAND_RULES)
