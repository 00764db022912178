"""What is known of classes, codes and words of errors: the tables behind the classification.

Sources: PostgreSQL manual, appendix A (SQLSTATE); Prisma's error reference; the exception classes of psycopg, asyncpg,
SQLAlchemy, Django, requests, httpx, aiohttp, undici, axios, openai, Deepgram and botocore.
"""

from callwatch.models.error import ErrorCategory, ErrorSeverity

Verdict = tuple[ErrorSeverity, ErrorCategory]

_S, _C = ErrorSeverity, ErrorCategory
UNKNOWN: Verdict = (_S.MEDIUM, _C.UNKNOWN)
DATABASE_DOWN: Verdict = (_S.CRITICAL, _C.DATABASE)
DATABASE_FAILS: Verdict = (_S.HIGH, _C.DATABASE)
# The database refuses a row or a value: nothing is down, and the category is that of who refused.
ROW_REFUSED: Verdict = (_S.MEDIUM, _C.DATABASE)
INVALID_DATA: Verdict = (_S.MEDIUM, _C.VALIDATION)
REFUSED_INPUT: Verdict = (_S.LOW, _C.VALIDATION)
VENDOR_FAILS: Verdict = (_S.HIGH, _C.INTEGRATION)
VENDOR_REFUSES: Verdict = (_S.MEDIUM, _C.INTEGRATION)
NO_ACCESS: Verdict = (_S.HIGH, _C.AUTHENTICATION)
# Our own endpoint refuses somebody; nothing of ours is broken.
REFUSED_CALLER: Verdict = (_S.MEDIUM, _C.AUTHENTICATION)
NO_SUCH_ROUTE: Verdict = (_S.LOW, _C.API)
NOISE: Verdict = (_S.LOW, _C.UNKNOWN)
PROGRAM_FAILS: Verdict = (_S.MEDIUM, _C.SYSTEM)
PROGRAM_BREAKS: Verdict = (_S.HIGH, _C.SYSTEM)
HOST_FAILS: Verdict = (_S.CRITICAL, _C.SYSTEM)

BY_SQLSTATE_CLASS: dict[str, Verdict] = {
    "08": DATABASE_DOWN,
    "22": ROW_REFUSED,
    "23": ROW_REFUSED,
    "25": DATABASE_FAILS,
    "26": DATABASE_FAILS,
    "28": (_S.CRITICAL, _C.AUTHENTICATION),
    "40": (_S.MEDIUM, _C.DATABASE),
    "42": DATABASE_FAILS,
    "53": DATABASE_DOWN,
    "54": DATABASE_FAILS,
    "55": (_S.MEDIUM, _C.DATABASE),
    "57": DATABASE_FAILS,
    "58": DATABASE_DOWN,
    "P0": DATABASE_FAILS,
    "XX": DATABASE_DOWN,
}
# Codes that weigh more than their class: the server goes away.
BY_SQLSTATE: dict[str, Verdict] = {"57P01": DATABASE_DOWN, "57P02": DATABASE_DOWN, "57P03": DATABASE_DOWN}

# Full class names along the type's ancestry; the nearest known one decides.
BY_CLASS: dict[str, Verdict] = {
    **dict.fromkeys(["psycopg2.OperationalError", "psycopg.OperationalError"], DATABASE_DOWN),
    **dict.fromkeys(["psycopg2.InterfaceError", "psycopg.InterfaceError", "psycopg2.Error", "psycopg.Error"], DATABASE_FAILS),
    **dict.fromkeys(["psycopg2.IntegrityError", "psycopg2.DataError"], ROW_REFUSED),
    **dict.fromkeys(["psycopg.IntegrityError", "psycopg.DataError"], ROW_REFUSED),
    "callwatch.exceptions.DatabaseUnavailable": DATABASE_DOWN,
    "callwatch.exceptions.QueueUnavailable": VENDOR_FAILS,
    "callwatch.exceptions.ConfigurationError": HOST_FAILS,
    "requests.exceptions.Timeout": VENDOR_FAILS,
    "requests.exceptions.ConnectionError": VENDOR_FAILS,
    "requests.exceptions.RequestException": VENDOR_REFUSES,
    "urllib3.exceptions.HTTPError": VENDOR_FAILS,
    "urllib.error.URLError": VENDOR_FAILS,
    "http.client.HTTPException": VENDOR_FAILS,
    "botocore.exceptions.ClientError": VENDOR_FAILS,
    "botocore.exceptions.BotoCoreError": VENDOR_FAILS,
    "pydantic_core._pydantic_core.ValidationError": REFUSED_INPUT,
    "json.decoder.JSONDecodeError": REFUSED_INPUT,
    # Raised by an endpoint of ours, with the status that decides.
    **dict.fromkeys(["fastapi.exceptions.HTTPException", "starlette.exceptions.HTTPException"], (_S.MEDIUM, _C.API)),
    "socket.gaierror": VENDOR_FAILS,
    # A file that may not be read, as opposed to a caller who may not ask.
    "builtins.PermissionError": PROGRAM_BREAKS,
    "builtins.MemoryError": HOST_FAILS,
    "builtins.RecursionError": PROGRAM_BREAKS,
    "builtins.TimeoutError": VENDOR_FAILS,
    "builtins.ConnectionError": VENDOR_FAILS,
    "builtins.OSError": PROGRAM_BREAKS,
    "builtins.ImportError": HOST_FAILS,
    "builtins.SystemError": HOST_FAILS,
    "builtins.UnicodeError": REFUSED_INPUT,
    "builtins.ValueError": INVALID_DATA,
    **{
        f"builtins.{name}": PROGRAM_FAILS
        for name in ("TypeError", "LookupError", "AttributeError", "AssertionError", "ArithmeticError")
    },
    **dict.fromkeys(
        ["sqlalchemy.exc.OperationalError", "sqlalchemy.exc.InterfaceError", "django.db.utils.OperationalError",
         "django.db.utils.InterfaceError", "sqlite3.OperationalError", "pymysql.err.OperationalError",
         "MySQLdb.OperationalError", "sqlalchemy.exc.TimeoutError"],
        DATABASE_FAILS,
    ),
}  # fmt: skip

# SQLSTATE classes by the names that psycopg and asyncpg derive from the conditions; asyncpg adds "Error".
_CONDITIONS = (
    ("08", "ConnectionDoesNotExist ConnectionFailure CannotConnectNow"),
    ("22", "InvalidTextRepresentation NumericValueOutOfRange StringDataRightTruncation InvalidDatetimeFormat DivisionByZero"),
    ("23", "UniqueViolation ForeignKeyViolation NotNullViolation CheckViolation ExclusionViolation"),
    ("25", "InFailedSqlTransaction ReadOnlySqlTransaction InFailedSQLTransaction"),
    ("28", "InvalidPassword InvalidAuthorizationSpecification"),
    ("40", "DeadlockDetected SerializationFailure Serialization"),
    ("42", "UndefinedTable UndefinedColumn UndefinedFunction InsufficientPrivilege DatatypeMismatch AmbiguousColumn"),
    ("53", "TooManyConnections DiskFull OutOfMemory"),
    ("55", "LockNotAvailable ObjectInUse"),
    ("57", "QueryCanceled AdminShutdown CrashShutdown"),
)  # fmt: skip

# Types of other languages and libraries, by name alone. Most RangeErrors come from input; one of the program itself says so in
# its words. OperationalError is the name in every Python driver (PEP 249): of whose database, only module and words can tell.
_NAMES: tuple[tuple[Verdict, str], ...] = (
    ((_S.MEDIUM, _C.DATABASE), "OperationalError InterfaceError"),
    (
        DATABASE_FAILS,
        "DatabaseError PostgresError QueryFailedError SequelizeDatabaseError PrismaClientKnownRequestError"
        " PrismaClientUnknownRequestError DrizzleQueryError DrizzleError KnexTimeoutError ProgrammingError SQLException"
        " PSQLException PDOException QueryException SequelizeConnectionError SequelizeConnectionAcquireTimeoutError"
        " PoolTimeout ActiveRecord::StatementInvalid MongoServerError MongoNetworkError MongoServerSelectionError"
        " SQLTransientException SQLTimeoutException SQLRecoverableException JDBCException DataAccessResourceFailureException"
        " CannotAcquireLockException DeadlockLoserDataAccessException"
        " QueryTimeoutException NpgsqlException PostgresException SqlException"
        " MySqlException OracleException SqliteException DbException"
        " MongoException RedisException RedisTimeoutException *pgconn.PgError *pq.Error"
        " *mysql.MySQLError sqlx::Error tokio_postgres::Error diesel::result::Error NeonDbError MySQLError OracleError",
    ),
    (
        DATABASE_DOWN,
        "PrismaClientInitializationError PrismaClientRustPanicError SequelizeConnectionRefusedError SequelizeHostNotFoundError"
        " SQLTransientConnectionException"
        " SQLNonTransientConnectionException CommunicationsException CannotGetJdbcConnectionException"
        " CannotCreateTransactionException JDBCConnectionException"
        " ConnectionNotEstablished RedisConnectionException *pgconn.ConnectError",
    ),
    (
        INVALID_DATA,
        "DoesNotExist ObjectDoesNotExist RecordNotFound ModelNotFoundException EntityNotFoundException NoResultException"
        " NumberFormatException FormatException DateTimeParseException",
    ),
    (
        ROW_REFUSED,
        "DataIntegrityViolationException DuplicateKeyException UniqueConstraintViolationException DbUpdateException"
        " IntegrityError SequelizeUniqueConstraintError SequelizeForeignKeyConstraintError DataError"
        " ForeignKeyConstraintViolationException NotNullConstraintViolationException ConstraintViolationException"
        " ActiveRecord::RecordNotUnique ActiveRecord::InvalidForeignKey ActiveRecord::NotNullViolation ActiveRecord::ValueTooLong"
        " UniqueConstraintError ForeignKeyConstraintError Ecto.ConstraintError PG::UniqueViolation"
        " SQLIntegrityConstraintViolationException BatchUpdateException",
    ),
    (
        VENDOR_FAILS,
        "AxiosError FetchError HTTPStatusError ConnectTimeout ReadTimeout ConnectError ReadError RemoteProtocolError"
        " PoolTimeoutError ClientConnectorError ClientConnectorDNSError ServerDisconnectedError ClientOSError"
        " ServerTimeoutError HeadersTimeoutError BodyTimeoutError ConnectTimeoutError SocketError APIConnectionError"
        " APITimeoutError APIConnectionTimeoutError RateLimitError InternalServerError APIStatusError"
        " ServiceUnavailableError APIError EndpointConnectionError ConnectTimeoutException MaxRetriesPerRequestError"
        " DeepgramApiError DeepgramError DeepgramUnknownApiError DeepgramWebSocketError GaxiosError RequestError"
        " TimeoutError ServiceException SSLError SSLCertVerificationError CertificateError MaxRetryError NewConnectionError"
        " SMTPException StripeConnectionError NoBrokersAvailable KafkaTimeoutError KafkaConnectionError KafkaJSConnectionError"
        " AMQPConnectionError ConnectionClosedByBroker AMQPConnectionException UnknownHostException gaierror ConnectException"
        " SocketTimeoutException NoRouteToHostException GuzzleHttp\\Exception\\ConnectException Net::OpenTimeout Net::ReadTimeout"
        " Faraday::ConnectionFailed Faraday::TimeoutError HttpRequestException TwilioRestException RestException"
        " Twilio::REST::RestError Twilio.Exceptions.ApiException StripeError Stripe::APIConnectionError SlackApiError"
        " GoogleAPICallError OpenAIError OpenAI::Error",
    ),
    (
        VENDOR_REFUSES,
        "BadRequestError UnprocessableEntityError NotFoundError ConflictError ResponseError",
    ),
    (
        REFUSED_INPUT,
        "ValidationError ZodError URIError JSONDecodeError RangeError",
    ),
    (
        NO_ACCESS,
        "UnauthorizedError ForbiddenError AuthenticationError PermissionDeniedError JsonWebTokenError TokenExpiredError"
        " NoCredentialsError PartialCredentialsError CredentialsProviderError CredentialRetrievalError"
        " InvalidSignatureError ExpiredSignatureError",
    ),
    (
        REFUSED_CALLER,
        "PermissionDenied NotAuthenticated AuthenticationFailed NotAuthorizedError AccessDenied AccessDeniedException"
        " AccessDeniedHttpException AuthorizationException AuthenticationException TokenMismatchException"
        " InvalidAuthenticityToken"
        " CallbackRouteError OAuthCallbackError CredentialsSignin SuspiciousOperation InsufficientAuthenticationException"
        " BadCredentialsException NotAuthorizedException UnauthorizedException ForbiddenException",
    ),
    (
        NO_SUCH_ROUTE,
        "RoutingError Http404 NotFoundHttpException MethodNotAllowedHttpException MethodNotAllowed UnknownHttpMethod"
        " NoHandlerFoundException NoResourceFoundException",
    ),
    (
        PROGRAM_FAILS,
        "ReferenceError SyntaxError InternalError KeyError IndexError ZeroDivisionError NotImplementedError"
        " NullPointerException NullReferenceException ArgumentNullException ArrayIndexOutOfBoundsException"
        " IndexOutOfBoundsException StringIndexOutOfBoundsException IndexOutOfRangeException ArgumentOutOfRangeException"
        " ClassCastException InvalidCastException IllegalStateException IllegalArgumentException InvalidOperationException"
        " ConcurrentModificationException NoSuchElementException NoSuchMethodError KeyNotFoundException"
        " UnsupportedOperationException ArithmeticException UninitializedPropertyAccessException ObjectDisposedException"
        " NoMethodError FrozenError NoMatchingPatternError ArgumentCountError UndefinedMethodError BadMethodCallException"
        " LogicException UnboundLocalError FunctionClauseError MatchError CaseClauseError UndefinedFunctionError"
        " *runtime.TypeAssertionError runtime.boundsError runtime.errorString runtime.plainErrorString",
    ),
    (
        PROGRAM_BREAKS,
        "StackOverflowError StackOverflowException SystemStackError WorkerLostError SIGSEGV SIGABRT SIGBUS SIGILL EXC_BAD_ACCESS"
        " FileNotFoundError IsADirectoryError BlockingIOError",
    ),
    (
        HOST_FAILS,
        "OutOfMemoryError OutOfMemoryException NoMemoryError ModuleNotFoundError Runtime.ImportModuleError"
        " Runtime.OutOfMemory Runtime.ExitError",
    ),
)
BY_NAME: dict[str, Verdict] = {
    **{
        name + ending: BY_SQLSTATE_CLASS[sqlstate_class]
        for sqlstate_class, names in _CONDITIONS
        for name in names.split()
        for ending in ("", "Error")
    },
    # After the conditions: Java's OutOfMemoryError has the name of one.
    **{name: verdict for verdict, names in _NAMES for name in names.split()},
}

# Prisma's codes: P1xxx is about the connection, P2xxx about a query.
BY_PRISMA: dict[str, Verdict] = {
    **dict.fromkeys(["P1000", "P1010"], (_S.CRITICAL, _C.AUTHENTICATION)),
    **dict.fromkeys(["P1001", "P1002", "P1003", "P1008", "P1017"], DATABASE_DOWN),
    **dict.fromkeys(["P2000", "P2002", "P2003", "P2004", "P2011", "P2014"], ROW_REFUSED),
    **dict.fromkeys(["P2005", "P2006", "P2007", "P2012", "P2013", "P2025"], INVALID_DATA),
    **dict.fromkeys(["P2021", "P2022", "P2024", "P2010"], DATABASE_FAILS),
    "P2034": (_S.MEDIUM, _C.DATABASE),
}
