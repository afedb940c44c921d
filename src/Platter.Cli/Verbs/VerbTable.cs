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
        "mkfs", "tune", "create", "repack", "build", "part list", "part init", "part add", "part rm", "part resize", "part set", "check", "diff", "convert",
        "devices", "shell", "completion",
    ];

    /// <summary>The verb, or null.</summary>
    public static Verb? Create(string name) => name switch
    {
        "info" => new InfoVerb(),
        "ls" => new LsVerb(),
        "tree" => new TreeVerb(),
        "stat" => new StatVerb(),
        "cat" => new CatVerb(),
        "get" => new GetVerb(),
        "put" => new PutVerb(),
        "mkdir" => new MkdirVerb(),
        "rm" => new RmVerb(),
        "mv" => new MvVerb(),
        "cp" => new CpVerb(),
        "ln" => new LnVerb(),
        "mknod" => new MknodVerb(),
        "touch" => new TouchVerb(),
        "truncate" => new TruncateVerb(),
        "chmod" => new ChmodVerb(),
        "chown" => new ChownVerb(),
        "attrib" => new AttribVerb(),
        "xattr get" => new XattrGetVerb(),
        "xattr set" => new XattrSetVerb(),
        "xattr rm" => new XattrRmVerb(),
        "xattr ls" => new XattrLsVerb(),
        "stream ls" => new StreamLsVerb(),
        "stream put" => new StreamPutVerb(),
        "stream cat" => new StreamCatVerb(),
        "stream rm" => new StreamRmVerb(),
        "settype" => new SettypeVerb(),
        "label" => new LabelVerb(),
        "find" => new FindVerb(),
        "df" => new DfVerb(),
        "mkfs" => new MkfsVerb(),
        "tune" => new TuneVerb(),
        "create" => new CreateVerb(),
        "repack" => new RepackVerb(),
        "build" => new BuildVerb(),
        "part list" => new PartListVerb(),
        "part init" => new PartInitVerb(),
        "part add" => new PartAddVerb(),
        "part rm" => new PartRmVerb(),
        "part resize" => new PartResizeVerb(),
        "part set" => new PartSetVerb(),
        "check" => new CheckVerb(),
        "diff" => new DiffVerb(),
        "convert" => new ConvertVerb(),
        "devices" => new DevicesVerb(),
        "shell" => new ShellVerb(),
        "completion" => new CompletionVerb(),
        _ => null,
    };

    /// <summary>Whether this is the first word of verbs that have two.</summary>
    public static bool IsGroup(string name) => name is "part" or "xattr" or "stream";

    public static IEnumerable<string> InGroup(string group) =>
        Names.Where(n => n.StartsWith(group + " ", StringComparison.Ordinal)).Select(n => n[(group.Length + 1)..]);
}
