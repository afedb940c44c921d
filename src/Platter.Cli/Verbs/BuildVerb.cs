using Platter.Cli.Syntax;
using Platter.Trees.Building;
using Platter.Trees.Specs;

namespace Platter.Cli.Verbs;

internal sealed class BuildVerb : Verb
{
    private static readonly Option Output = Option.Of("-o --output", "OUT", "the image to make", ValueKind.HostPath);
    private static readonly Option KeepGoing = Option.Flag("--keep-going", "leave out what a filesystem cannot hold, and list it");

    public override VerbSyntax Syntax => new()
    {
        Summary = "build a whole disk from a TOML spec",
        Arguments = [new("SPEC.toml", "what to build; - is standard input") { Kind = ValueKind.HostPath }],
        Options = [Output, KeepGoing, .. ContainerChoice.All],
        Examples = [new("platter build disk.toml -o disk.vhd", "a partitioned disk with everything in it"), new("SOURCE_DATE_EPOCH=0 platter build disk.toml -o disk.img --force", "the same bytes every time")],
        Remarks = "Paths in the spec start from its own folder. OUT appears when it is complete.",
    };

    public override int Run(Session session)
    {
        var path = session.Arguments.Text(Output) ?? throw new UsageException("-o OUT is missing: the image to make");
        var name = session.Words[0];
        session.Subject = name;
        var spec = DiskSpec.Parse(Read(name), name == "-" ? "standard input" : name);
        session.Subject = path;
        var report = DiskBuilder.Build(spec, path, new BuildOptions
        {
            BaseFolder = name == "-" ? null : Path.GetDirectoryName(Path.GetFullPath(name)),
            Epoch = Session.Epoch?.ToDateTimeOffset(),
            Progress = session.Progress,
            Cancellation = session.Cancellation,
            Overwrite = session.Force,
            KeepGoing = session.Arguments.Has(KeepGoing),
            Format = NewImages.Format(session.Arguments.Text(ContainerChoice.Format)),
            ContainerSettings = ContainerChoice.Options(session).Settings,
            Volume = session.VolumeOptions,
        });
        BuildSummary.Write(session, report);
        return ExitCode.Done;
    }

    private static byte[] Read(string name)
    {
        if (name != "-")
            return File.ReadAllBytes(name);
        using var input = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        input.CopyTo(bytes);
        return bytes.ToArray();
    }
}
