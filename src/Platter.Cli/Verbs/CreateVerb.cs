using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.Images;
using Platter.Trees.Building;

namespace Platter.Cli.Verbs;

internal sealed class CreateVerb : Verb
{
    private static readonly Option Output = Option.Of("-o --output", "OUT", "the image to make", ValueKind.HostPath) with { IsRequired = true };
    private static readonly Option Backing = Option.Of("--backing", "BASE", "make an empty image that builds upon this one: no filesystem, no SOURCE", ValueKind.Image);
    private static readonly Option SectorSize = Option.Choice("--sector-size", "bytes in a sector", "512", "1024", "2048", "4096");
    private static readonly Option KeepGoing = Option.Flag("--keep-going", "leave out what the filesystem cannot hold, and list it");

    public override VerbSyntax Syntax => new()
    {
        Summary = "make a filesystem image from directories, tar archives or other images",
        Arguments = [new("SOURCE", "a folder, whose content becomes the root, a tar archive (- is standard input) or an image; several lie on each other") { Kind = ValueKind.HostPath, Min = 0, Many = true }],
        Options = [MkfsVerb.Type, Output, .. SizeChoice.All, MkfsVerb.Label, MkfsVerb.Settings, MkfsVerb.Id, .. ContainerChoice.All, Backing, SectorSize, .. SourceChoice.Owners, SourceChoice.Exclude, KeepGoing],
        Examples =
        [
            new("platter create -t fat32 -o esp.img esp/ --label EFI", "an image that just fits a folder"),
            new("platter create -t fat32 -o data.img data/ --size auto --free 10%", "with room for a tenth more"),
            new("platter create -t exfat -o data.img data.tar.zst", "the content of an archive"),
            new("platter create -t fat16 -o small.img old.img@1 --size 32M", "the files of another volume"),
            new("platter create --backing golden.qcow2 -o mine.qcow2", "an overlay: edits go to it, and never to golden.qcow2"),
        ],
        Remarks = "OUT appears when it is complete. The same input gives the same bytes when SOURCE_DATE_EPOCH is set.",
    };

    public override int Run(Session session)
    {
        var a = session.Arguments;
        var path = a.Text(Output) ?? throw new UsageException("-o OUT is missing: the image to make");
        session.Subject = path;
        if (a.Text(Backing) is { } backing)
            return Overlay(session, path, backing);
        var what = new NewFileSystem
        {
            Type = a.Text(MkfsVerb.Type) ?? throw new UsageException("-t TYPE is missing: the filesystem", "there are " + string.Join(", ", FileSystemTypes.All.SelectMany(t => t.Names))),
            Length = SizeChoice.Length(session),
            Free = SizeChoice.Room(session),
            Label = a.Text(MkfsVerb.Label),
            Id = a.Text(MkfsVerb.Id),
            Options = a.Pairs(MkfsVerb.Settings),
            SectorSize = a.Number(SectorSize) ?? 512,
            Format = NewImages.Format(a.Text(ContainerChoice.Format)),
        };
        if (FileSystemTypes.Find(what.Type) is null)
            throw MkfsVerb.Unknown(what.Type);
        var options = new BuildOptions
        {
            Epoch = Session.Epoch?.ToDateTimeOffset(), Progress = session.Progress, Cancellation = session.Cancellation, Overwrite = session.Force,
            KeepGoing = a.Has(KeepGoing), NoSync = a.Has(ContainerChoice.NoSync), Volume = session.VolumeOptions, ContainerSettings = ContainerChoice.Options(session).Settings,
        };
        BuildSummary.Write(session, Build(session, path, what, options));
        return ExitCode.Done;
    }

    private static int Overlay(Session session, string path, string backing)
    {
        foreach (var option in new[] { SizeChoice.Free, MkfsVerb.Type, MkfsVerb.Label, MkfsVerb.Settings, MkfsVerb.Id, SectorSize, SourceChoice.Exclude, KeepGoing }.Concat(SourceChoice.Owners))
        {
            if (session.Arguments.Has(option))
                throw new UsageException($"{option.Name} is for a filesystem; an overlay shows that of {backing}");
        }
        if (session.Words.Length > 0)
            throw new UsageException("an overlay takes no SOURCE: it shows what is in its base");
        using var parent = ImageFile.Open(backing, ImageAccess.Read);
        var options = NewImages.Options(session);
        var format = options.Format ?? ContainerFormat.FromExtension(path);
        if (!format.CanHaveParent)
            throw new UnsupportedFeatureException($"{format.Description} images that build upon another one are not made");
        var size = SizeChoice.Length(session);
        if (size < parent.Device.Length)
            throw new UsageException($"--size: an overlay is at least as large as its base, {parent.Device.Length} bytes");
        using var image = NewImage.Create(path, size ?? parent.Device.Length, options with
        {
            Container = options.Container! with { Parent = parent.Container, ParentReference = ContainerChoice.ReferenceTo(backing, path) },
        });
        image.Complete();
        session.SayMore($"{path}: {format.Name} over {backing}");
        return ExitCode.Done;
    }

    private static BuildReport Build(Session session, string path, NewFileSystem what, BuildOptions options)
    {
        using var sources = SourceChoice.Open(session, path, layered: false);
        session.Subject = path;
        var report = sources.Fill(path, what, options);
        sources.SayFindings(session);
        return report;
    }
}
