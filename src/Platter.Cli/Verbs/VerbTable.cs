namespace Platter.Cli.Verbs;

/// <summary>The verbs by name. Each is made only when it is asked for: start-up time is a feature.</summary>
internal static class VerbTable
{
    /// <summary>In the order of the help.</summary>
    public static readonly string[] Names =
    [
        "info", "ls", "tree", "stat", "cat", "get", "put", "mkdir", "rm", "mv", "cp", "ln", "mknod", "touch", "truncate",
        "chmod", "chown", "attrib", "xattr get", "xattr set", "xattr rm", "xattr ls", "stream ls", "stream put", "stream cat", "stream rm",
        "settype", "label", "find", "df",
        "mkfs", "tune", "resize", "create", "repack", "build", "part list", "part init", "part add", "part rm", "part resize", "part set", "check", "diff", "convert",
        "devices", "shell", "completion",
    ];

    /// <summary>The verb, or null.</summary>
    public static Verb? Create(string name) => name switch
    {
        "info" => Made(static () => new InfoVerb()),
        "ls" => Made(static () => new LsVerb()),
        "tree" => Made(static () => new TreeVerb()),
        "stat" => Made(static () => new StatVerb()),
        "cat" => Made(static () => new CatVerb()),
        "get" => Made(static () => new GetVerb()),
        "put" => Made(static () => new PutVerb()),
        "mkdir" => Made(static () => new MkdirVerb()),
        "rm" => Made(static () => new RmVerb()),
        "mv" => Made(static () => new MvVerb()),
        "cp" => Made(static () => new CpVerb()),
        "ln" => Made(static () => new LnVerb()),
        "mknod" => Made(static () => new MknodVerb()),
        "touch" => Made(static () => new TouchVerb()),
        "truncate" => Made(static () => new TruncateVerb()),
        "chmod" => Made(static () => new ChmodVerb()),
        "chown" => Made(static () => new ChownVerb()),
        "attrib" => Made(static () => new AttribVerb()),
        "xattr get" => Made(static () => new XattrGetVerb()),
        "xattr set" => Made(static () => new XattrSetVerb()),
        "xattr rm" => Made(static () => new XattrRmVerb()),
        "xattr ls" => Made(static () => new XattrLsVerb()),
        "stream ls" => Made(static () => new StreamLsVerb()),
        "stream put" => Made(static () => new StreamPutVerb()),
        "stream cat" => Made(static () => new StreamCatVerb()),
        "stream rm" => Made(static () => new StreamRmVerb()),
        "settype" => Made(static () => new SettypeVerb()),
        "label" => Made(static () => new LabelVerb()),
        "find" => Made(static () => new FindVerb()),
        "df" => Made(static () => new DfVerb()),
        "mkfs" => Made(static () => new MkfsVerb()),
        "tune" => Made(static () => new TuneVerb()),
        "resize" => Made(static () => new ResizeVerb()),
        "create" => Made(static () => new CreateVerb()),
        "repack" => Made(static () => new RepackVerb()),
        "build" => Made(static () => new BuildVerb()),
        "part list" => Made(static () => new PartListVerb()),
        "part init" => Made(static () => new PartInitVerb()),
        "part add" => Made(static () => new PartAddVerb()),
        "part rm" => Made(static () => new PartRmVerb()),
        "part resize" => Made(static () => new PartResizeVerb()),
        "part set" => Made(static () => new PartSetVerb()),
        "check" => Made(static () => new CheckVerb()),
        "diff" => Made(static () => new DiffVerb()),
        "convert" => Made(static () => new ConvertVerb()),
        "devices" => Made(static () => new DevicesVerb()),
        "shell" => Made(static () => new ShellVerb()),
        "completion" => Made(static () => new CompletionVerb()),
        _ => null,
    };

    // In functions of their own: the runtime prepares every type that a method names when the method is first called, used or not.
    private static Verb Made(Func<Verb> make) => make();

    /// <summary>Whether this is the first word of verbs that have two.</summary>
    public static bool IsGroup(string name) => name is "part" or "xattr" or "stream";

    public static IEnumerable<string> InGroup(string group) =>
        Names.Where(n => n.StartsWith(group + " ", StringComparison.Ordinal)).Select(n => n[(group.Length + 1)..]);
}
