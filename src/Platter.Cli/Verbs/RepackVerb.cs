using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.Trees;
using Platter.Trees.Building;
using Platter.Trees.Tar;

namespace Platter.Cli.Verbs;

internal sealed class RepackVerb : Verb
{
    private static readonly Option Type = Option.Of("-t --type", "TYPE", "a filesystem, or tar, tar.gz, tar.zst, tar.xz, tar.lz4, tar.bz2; by OUT's name, or that of the SOURCE, otherwise", ValueKind.FileSystemType);
    private static readonly Option Output = Option.Of("-o --output", "OUT", "the image or archive to make; - is standard output, for archives", ValueKind.HostPath) with { IsRequired = true };
    private static readonly Option KeepGoing = Option.Flag("--keep-going", "leave out what cannot be read or stored, and list it");

    public override VerbSyntax Syntax => new()
    {
        Summary = "rebuild folders, archives and images, in layers, as another filesystem or as a tar archive",
        Arguments = [new("SOURCE", "bottom layer first: folders, tar archives (compressed or not, - is standard input), images") { Kind = ValueKind.HostPath, Many = true }],
        Options = [Output, Type, .. SizeChoice.All, MkfsVerb.Label, MkfsVerb.Settings, MkfsVerb.Id, .. ContainerChoice.All, .. SourceChoice.Owners, SourceChoice.Exclude, KeepGoing],
        Examples =
        [
            new("platter repack pc.img@1 -o pc.tar.zst", "a volume as an archive"),
            new("platter repack base.tar.gz patch.tar changes/ -o card.img -t fat32", "layers, whiteouts included, as a filesystem"),
            new("platter repack old.img -o new.img --size 64M", "the same files in a larger volume of the same type"),
            new("platter repack root.tar -t ext4 -o root.img --free 20% --exclude '/var/cache/**'", "what an archive needs, but its caches, and a fifth more"),
            new("platter repack rootfs/ --owner 0 -t tar -o - | ssh host tar x", "an archive for somebody else"),
        ],
        Remarks = "A layer takes away what lies below by .wh.NAME and .wh..wh..opq (OCI) or as overlayfs does. OUT appears when it is complete; the same input gives the same bytes.",
    };

    public override int Run(Session session)
    {
        var a = session.Arguments;
        var path = a.Text(Output) ?? throw new UsageException("-o OUT is missing: the image or archive to make, or - for standard output");
        var typed = a.Text(Type);
        var archive = typed is null ? TarCompression.FromPath(path) : TarCompression.FromName(typed);
        if (archive is null && typed is not null && FileSystemTypes.Find(typed) is null)
            throw new UsageException($"no type is called '{typed}'", $"there are {string.Join(", ", FileSystemTypes.All.SelectMany(t => t.Names).Concat(TarCompression.All.Select(c => c.Name)))}");
        if (path == "-" && archive is null)
            throw new UsageException("only archives go to standard output", "-t tar or -t tar.zst makes one");
        if (archive is not null)
            return ToArchive(session, path, archive);
        var room = SizeChoice.Room(session);
        using var sources = SourceChoice.Open(session, path, layered: true);
        session.Subject = path;
        var (type, label) = typed is null ? TypeOfSource(session) : (typed, null);
        var options = new BuildOptions
        {
            Epoch = Session.Epoch?.ToDateTimeOffset(), Progress = session.Progress, Cancellation = session.Cancellation, Overwrite = session.Force,
            KeepGoing = a.Has(KeepGoing), NoSync = a.Has(ContainerChoice.NoSync), Volume = session.VolumeOptions, ContainerSettings = ContainerChoice.Options(session).Settings,
        };
        var report = sources.Fill(path, new NewFileSystem
        {
            Type = type,
            Length = SizeChoice.Length(session),
            Free = room,
            Label = a.Text(MkfsVerb.Label) ?? label,
            Id = a.Text(MkfsVerb.Id),
            Options = a.Pairs(MkfsVerb.Settings),
            Format = NewImages.Format(a.Text(ContainerChoice.Format)),
        }, options);
        sources.SayFindings(session);
        BuildSummary.Write(session, report);
        return ExitCode.Done;
    }

    private static int ToArchive(Session session, string path, TarCompression compression)
    {
        foreach (var option in SizeChoice.All.Concat([MkfsVerb.Label, MkfsVerb.Settings, MkfsVerb.Id]).Concat(ContainerChoice.All))
        {
            if (session.Arguments.Has(option))
                throw new UsageException($"{option.Name} is for an image; an archive has no such thing");
        }
        if (path == "-" && session.IsTerminal)
            throw new UsageException("an archive is nothing for a terminal", "-o FILE, or a pipe behind it");
        using var sources = SourceChoice.Open(session, path == "-" ? null : path, layered: true);
        session.Subject = path;
        using var output = path == "-" ? Console.OpenStandardOutput() : null;
        using var archive = output is null ? NewTar.Create(path, compression, session.Force) : NewTar.To(output, compression);
        var copy = new CopyOptions
        {
            Progress = session.Progress, Cancellation = session.Cancellation, Epoch = Session.Epoch, CopyRootMetadata = true,
            StopAtFirstProblem = !session.Arguments.Has(KeepGoing),
        };
        var report = TreeCopier.Copy(sources.Tree!, archive.Sink, TreeTotals.Add(copy, sources.Tree!));
        archive.Complete();
        session.EndProgress();
        sources.SayFindings(session);
        if (path != "-" && session.Json)
            WriteJson(session, path, compression, report);
        else if (path != "-" && !session.Quiet)
            session.Out.WriteLine($"{session.Paint.Bold(session.Show(path))}: {compression.Name}, {report.Files} files, {report.Directories} directories, {ByteSize.FormatRounded(new FileInfo(path).Length)}");
        session.Finish(report, committed: true);
        return ExitCode.Done;
    }

    private static void WriteJson(Session session, string path, TarCompression compression, CopyReport report)
    {
        using var json = new Json(session.Out);
        json.Object();
        json.Field("path", path);
        json.Field("format", compression.Name);
        json.Field("size", new FileInfo(path).Length);
        CopySummary.Write(json, report);
        json.End();
    }

    // The type, and for a single source the label, of the volume that is rebuilt: that of the one image among the sources.
    private static (string Type, string? Label) TypeOfSource(Session session)
    {
        foreach (var word in session.Words)
        {
            if (word == "-" || Directory.Exists(word) || TarCompression.FromPath(word) is not null)
                continue;
            using var at = session.OpenVolume(word);
            return (at.Volume.Info.Type, session.Words.Length == 1 ? at.Volume.Info.Label : null);
        }
        throw new UsageException("-t TYPE is missing: no SOURCE is an image that says which", $"there are {string.Join(", ", FileSystemTypes.All.SelectMany(t => t.Names))}, and tar");
    }
}
