using Platter.FileSystems;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Trees;
using Platter.Trees.Host;
using Xunit;

namespace Platter.Interop.Tests.Trees;

/// <summary>Names that differ by case alone, on a host that takes them for one: a volume of ntfs-3g that is mounted so.</summary>
public sealed class CaseBlindHostTests
{
    [Theory]
    [InlineData(Overwrite.Refuse)]
    [InlineData(Overwrite.Replace)]
    [InlineData(Overwrite.Skip)]
    public void The_first_of_two_stays_as_it_is_and_the_second_is_told(Overwrite overwrite)
    {
        using var folder = new TempFolder();
        using var disk = DiskOf(folder.File("source.img"));
        using var volume = disk.OpenVolume();
        Ntfs3g.Make(folder.File("host.ntfs"), 16 << 20);
        var (report, found) = Ntfs3g.With(folder.File("host.ntfs"), "ignore_case", mount =>
        {
            File.WriteAllText(Path.Combine(mount, "probe"), "");
            Assert.True(File.Exists(Path.Combine(mount, "PROBE")), "this mount tells names by their case: it proves nothing");
            var target = Path.Combine(mount, "out");
            using var source = VolumeTreeSource.Content(volume);
            using var sink = new HostTreeSink(target, new HostSinkOptions { RestoreOwner = false });
            var copied = TreeCopier.Copy(source, sink, new CopyOptions { Overwrite = overwrite });
            return (copied, Directory.EnumerateFiles(target, "*", SearchOption.AllDirectories).Select(File.ReadAllText).Order(StringComparer.Ordinal).ToArray());
        }, "lowntfs-3g");
        // Of each pair one is there, whole; what lies below the second folder has nowhere to go.
        Assert.Equal(["a file", "in the first folder", "other"], found);
        Assert.Equal(2, report.ProblemCount);
        Assert.All(report.Problems, p => Assert.IsType<NameCollisionException>(p.Reason));
        Assert.Equal(["/docs", "/readme"], report.Problems.Select(p => p.Path).Order(StringComparer.Ordinal));
    }

    private static DiskImage DiskOf(string path)
    {
        using (var image = NewImage.Create(path, 8 << 20))
        {
            FileSystemTypes.Find("ext4")!.Format(image.Device, new FormatOptions { Type = "ext4" });
            image.Complete();
        }
        using (var disk = DiskImage.OpenForEditing(path))
        using (var volume = disk.OpenVolumeForEditing())
        {
            Put(volume, volume.RootId, "README", "a file");
            Put(volume, volume.RootId, "readme", "the file of the same name");
            Put(volume, volume.RootId, "other", "other");
            Put(volume, volume.CreateDirectory(volume.RootId, "Docs", MetadataChange.None), "one", "in the first folder");
            Put(volume, volume.CreateDirectory(volume.RootId, "docs", MetadataChange.None), "one", "in the second folder");
            volume.Commit();
        }
        return DiskImage.Open(path);
    }

    private static void Put(EditableVolume volume, NodeId folder, string name, string content)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(content);
        volume.CreateFile(folder, name, new MemoryStream(bytes), bytes.Length, MetadataChange.None);
    }
}
