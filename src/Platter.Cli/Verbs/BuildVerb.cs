using Platter.Cli.Syntax;
using Platter.Trees.Building;
using Platter.Trees.Specs;

namespace Platter.Cli.Verbs;

internal sealed class BuildVerb : Verb
{
    private static readonly Option Output = Option.Of("-o --output", "OUT", "the image to make", ValueKind.HostPath) with { IsRequired = true };
    private static readonly Option Set = Option.Of("--set", "NAME=VALUE", "give a variable of the spec this value; may be given several times");
    private static readonly Option Verify = Option.Flag("--verify", "build twice and compare; needs SOURCE_DATE_EPOCH");
    private static readonly Option KeepGoing = Option.Flag("--keep-going", "leave out what a filesystem cannot hold, and list it");

    public override VerbSyntax Syntax => new()
    {
        Summary = "build a whole disk from a TOML spec",
        Arguments = [new("SPEC.toml", "what to build; - is standard input") { Kind = ValueKind.HostPath }],
        Options = [Output, Set, Verify, KeepGoing, .. ContainerChoice.All],
        Examples =
        [
            new("platter build disk.toml -o disk.vhd", "a partitioned disk with everything in it"),
            new("platter build disk.toml -o disk.img --set board=rpi4", "the spec says ${board} somewhere"),
            new("SOURCE_DATE_EPOCH=0 platter build disk.toml -o disk.img --verify", "the same bytes every time, and proof of it; exit code 10 when they are not"),
        ],
        Remarks = "Paths in the spec start from its own folder. OUT appears when it is complete.",
    };

    public override int Run(Session session)
    {
        var path = session.Arguments.Text(Output) ?? throw new UsageException("-o OUT is missing: the image to make");
        var name = session.Words[0];
        session.Subject = name;
        var folder = name == "-" ? Directory.GetCurrentDirectory() : Path.GetDirectoryName(Path.GetFullPath(name));
        if (name != "-" && Path.GetFullPath(path) == Path.GetFullPath(name))
            throw new UsageException("-o OUT is the spec itself, which would be lost");
        var verify = session.Arguments.Has(Verify);
        if (verify && Session.Epoch is null)
            throw new UsageException("--verify needs SOURCE_DATE_EPOCH", "without it every image has identifiers and times of its own");
        var spec = DiskSpec.Parse(Read(name), name == "-" ? "standard input" : name, new SpecOptions { Folder = folder, Variables = Variables(session) });
        session.Subject = path;
        var options = new BuildOptions
        {
            BaseFolder = folder,
            Epoch = Session.Epoch?.ToDateTimeOffset(),
            Progress = session.Progress,
            Cancellation = session.Cancellation,
            Overwrite = session.Force,
            KeepGoing = session.Arguments.Has(KeepGoing),
            NoSync = session.Arguments.Has(ContainerChoice.NoSync),
            Format = NewImages.Format(session.Arguments.Text(ContainerChoice.Format)),
            ContainerSettings = ContainerChoice.Options(session).Settings,
            Volume = session.VolumeOptions,
        };
        var report = DiskBuilder.Build(spec, path, options);
        if (!verify)
        {
            BuildSummary.Write(session, report);
            return ExitCode.Done;
        }
        var difference = BuildVerifier.Verify(path, options, (again, how) => DiskBuilder.Build(spec, again, how));
        BuildSummary.Write(session, report, new BuildVerdict(difference));
        return difference is null ? ExitCode.Done : ExitCode.FindingsMade;
    }

    private static Dictionary<string, string> Variables(Session session)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in session.Arguments.Texts(Set))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1)
                throw new UsageException($"--set: '{pair}' is not NAME=VALUE");
            variables[pair[..equals]] = pair[(equals + 1)..];
        }
        return variables;
    }

    private static byte[] Read(string name)
    {
        if (Directory.Exists(name))
            throw new CommandException(ExitCode.Refused, name, "it is a folder, not a spec");
        if (name != "-")
            return File.ReadAllBytes(name);
        using var input = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        input.CopyTo(bytes);
        return bytes.ToArray();
    }
}
