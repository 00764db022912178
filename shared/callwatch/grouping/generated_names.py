"""Removes from the names of functions and classes what a compiler, a proxy or a virtual machine renumbers with each build."""

import re

# Every pattern below needs a digit, "@" or "{".
_HINT = re.compile(r"[\d@{]")
_GENERATED: tuple[tuple[re.Pattern[str], str], ...] = (
    # Java: lambdas, proxies of Spring, Hibernate, ByteBuddy and the JDK, reflection, anonymous classes.
    (re.compile(r"\$\$Lambda[$/][\w$/.]*"), "$$Lambda"),
    (re.compile(r"(\$\$(?:EnhancerBy|FastClassBy)?(?:Spring|Guice)?CGLIB)\$\$\w+"), r"\1"),
    (re.compile(r"(\$(?:HibernateProxy|ByteBuddy|MockitoMock|Proxy|auxiliary))\$?\w*"), r"\1"),
    (re.compile(r"(Generated(?:Method|Constructor|SerializationConstructor)Accessor)\d+"), r"\1"),
    (re.compile(r"\$\d+(?=$|[.$])"), "$"),
    # .NET: state machines, closures and local functions.
    (re.compile(r"(>[a-z]__(?:[A-Za-z_]\w*\|)?)\d+(?:_\d+)?"), r"\1"),
    (re.compile(r"(<>c__DisplayClass)\d+(?:_\d+)?"), r"\1"),
    # PHP: anonymous classes and closures with their place.
    (re.compile(r"@anonymous\s*[\x00\ufffd/\\].*?(?::\d+\$[0-9a-f]+|$)"), "@anonymous"),
    (re.compile(r"\{closure:(?:[^{}]*[/\\])?([^{}/\\]*?)(?::\d+)?\}"), r"{closure:\1}"),
    # Rust: the hash of a symbol; C++, Rust and Swift: numbers of closures; clones of an optimizing compiler.
    (re.compile(r"::h[0-9a-f]{16}(?=$|E)|17h[0-9a-f]{16}(?=E)"), ""),
    (re.compile(r"(?<=[}\w) ])#\d+"), ""),
    (re.compile(r"\$_\d+"), "$_"),
    (re.compile(r"\.(?:isra|constprop|part|cold|llvm|lto_priv|clone)\.\d+"), ""),
    # Objective-C: blocks; WebAssembly: functions by number.
    (re.compile(r"^__\d+(?=[-+]\[)|(?<=_block_invoke)_\d+"), ""),
    (re.compile(r"(wasm-function)\[\d+\](?::0x[0-9a-f]+)?"), r"\1"),
)


def strip_generated(name: str) -> str:
    """The name of a function, a class or a module without numbers that another build would change."""
    if not _HINT.search(name):
        return name
    for pattern, kept in _GENERATED:
        name = pattern.sub(kept, name)
    return name
