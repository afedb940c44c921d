using Platter.Blocks;
using Platter.FileSystems;
using Platter.Images;
using Platter.Testing.Blocks;
using Xunit;

namespace Platter.Testing.Volumes;

/// <summary>Every way to edit a volume, with the power cut after every single write of it: what is found afterwards is the tree before the
/// edit or the tree after it, on a volume without a fault.</summary>
/// <remarks>The edits start from a volume that <see cref="Fill"/> filled, made once with room and once with 24 clusters free.</remarks>
public sealed class VolumePowerCuts
{
    private const string Filler = "FILLER.BIN";

    // Clusters that a full volume has free, and that /file.txt takes.
    private const int FreeClusters = 24, FileClusters = 8;

    public required FileSystemType Type { get; init; }
    public required int ClusterSize { get; init; }

    /// <summary>A foreign checker; one in so many recovered volumes goes through it.</summary>
    public required Func<ScratchDevice, string?> Judge { get; init; }

    /// <summary>How volumes are opened for the edits; the clock is the cuts' own.</summary>
    public VolumeOptions Options { get; init; } = VolumeOptions.Default;

    /// <summary>Bytes of fresh data per transaction that are treated as any other write.</summary>
    public long FreshLimit { get; init; }

    public int ForeignEvery { get; init; } = 151;

    /// <summary>An edit.</summary>
    /// <param name="Verb">What it does.</param>
    /// <param name="Full">Whether it starts from the volume that is nearly full.</param>
    /// <param name="Run">The edit, without the commit at its end.</param>
    public readonly record struct Edit(string Verb, bool Full, Action<EditableVolume> Run);

    /// <summary>What was tried.</summary>
    public readonly record struct Outcome(int Edits, int Points, int Judged);

    /// <summary>The edits that every filesystem knows.</summary>
    public IReadOnlyList<Edit> CommonEdits =>
    [
        new("create an empty file", false, v => v.CreateFile(v.RootId, "new.txt", MetadataChange.None)),
        new("create a file with content", false, v => v.CreateFile(v.RootId, "A new file.txt", new MemoryStream(ConformanceCase.Bytes(9000)), 9000, MetadataChange.None)),
        new("create in two commits", false, v =>
        {
            v.CreateFile(v.Find("/dir").Id, "first long name", new MemoryStream(ConformanceCase.Bytes(3000)), null, MetadataChange.None);
            v.Commit();
            v.CreateFile(v.Find("/dir").Id, "second long name", new MemoryStream(ConformanceCase.Bytes(3000, 2)), null, MetadataChange.None);
        }),
        new("overwrite", false, v => Write(v, "/file.txt", 700, ConformanceCase.Bytes(1500, 7))),
        new("append", false, v => Write(v, "/file.txt", FileLength, ConformanceCase.Bytes(5000, 7))),
        new("truncate", false, v => SetLength(v, "/file.txt", 1000)),
        new("truncate to nothing", false, v => SetLength(v, "/file.txt", 0)),
        new("grow with zeros", false, v => SetLength(v, "/file.txt", FileLength + 8345)),
        new("rename", false, v => v.Rename(v.RootId, "file.txt", v.RootId, "a much longer name than before.txt", replace: false)),
        new("move a file", false, v => v.Rename(v.RootId, "file.txt", v.Find("/dir/deep").Id, "moved", replace: false)),
        new("move a directory", false, v => v.Rename(v.Find("/dir").Id, "deep", v.RootId, "Up Here", replace: false)),
        new("replace", false, v => v.Rename(v.Find("/dir").Id, "Long Name In Dir.dat", v.RootId, "file.txt", replace: true)),
        new("delete a file", false, v => v.Delete(v.Find("/dir").Id, "Long Name In Dir.dat")),
        new("delete a directory", false, v => v.Delete(v.RootId, "empty")),
        new("delete recursively", false, v => v.DeleteRecursively(v.RootId, "dir")),
        new("make directories", false, v => v.CreateDirectory(v.CreateDirectory(v.Find("/dir").Id, "one", MetadataChange.None), "Two in one", MetadataChange.None)),
        new("set attributes", false, v => v.SetMetadata(v.Find("/file.txt").Id, new MetadataChange { DosAttributes = DosAttributes.Hidden | DosAttributes.ReadOnly })),
        new("set times", false, v => v.SetMetadata(v.Find("/dir").Id, new MetadataChange { Modified = new Timestamp(1_000_000_000), Created = new Timestamp(900_000_001) })),
        new("set the label", false, v => v.SetLabel("NEW LABEL")),
        new("remove the label", false, v => v.SetLabel("")),
        new("grow a directory", false, v =>
        {
            for (var i = 0; i < 12; i++)
                v.CreateFile(v.Find("/empty").Id, $"a name that takes three slots {i}", MetadataChange.None);
        }),
        new("fill the volume", true, v =>
        {
            v.CreateFile(v.RootId, "rest.bin", new MemoryStream(ConformanceCase.Bytes(FreeClusters * ClusterSize)), null, MetadataChange.None);
            Assert.Equal(0, v.FreeBytes);
        }),
        new("ask too much of a full volume", true, v =>
            Assert.Throws<VolumeFullException>(() => v.CreateFile(v.RootId, "more.bin", new MemoryStream(ConformanceCase.Bytes((FreeClusters + 1) * ClusterSize)), null, MetadataChange.None))),
        new("take in the same commit what a deletion set free", true, v =>
        {
            v.Delete(v.RootId, "file.txt");
            v.CreateFile(v.RootId, "rest.bin", new MemoryStream(ConformanceCase.Bytes((FreeClusters + FileClusters) * ClusterSize, 9)), null, MetadataChange.None);
            Assert.Equal(0, v.FreeBytes);
        }),
        new("roll back and edit again", false, v =>
        {
            v.CreateFile(v.RootId, "dropped", new MemoryStream(ConformanceCase.Bytes(9000)), null, MetadataChange.None);
            v.Delete(v.RootId, "file.txt");
            v.Rollback();
            v.CreateFile(v.RootId, "kept", new MemoryStream(ConformanceCase.Bytes(7000)), null, MetadataChange.None);
        }),
    ];

    /// <summary>Those of <see cref="CommonEdits"/> that make several calls.</summary>
    public static string[] SeveralCalls { get; } = ["create in two commits", "delete recursively", "make directories", "grow a directory", "roll back and edit again"];

    private int FileLength => FileClusters * ClusterSize - 96;

    /// <summary>Puts the tree onto an empty volume that the edits change.</summary>
    /// <param name="volume">The volume; committed afterwards.</param>
    /// <param name="full">Whether only a few clusters are to stay free.</param>
    public void Fill(EditableVolume volume, bool full)
    {
        volume.SetLabel("OLD");

        // So that the root has room for a name more when nothing else has.
        for (var i = 0; i < 8; i++)
            volume.CreateFile(volume.RootId, $"pad {i}", MetadataChange.None);
        for (var i = 0; i < 8; i++)
            volume.Delete(volume.RootId, $"pad {i}");
        Create(volume, volume.RootId, "file.txt", FileLength, 1);
        var directory = volume.CreateDirectory(volume.RootId, "dir", MetadataChange.None);
        Create(volume, directory, "Long Name In Dir.dat", 2222, 3);
        Create(volume, volume.CreateDirectory(directory, "deep", MetadataChange.None), "x", 10, 4);
        volume.CreateDirectory(volume.RootId, "empty", MetadataChange.None);
        volume.Commit();
        if (full)
        {
            volume.CreateFile(volume.RootId, Filler, MetadataChange.None);
            SetLength(volume, "/" + Filler, volume.FreeBytes - FreeClusters * ClusterSize);
        }
        volume.Commit();
    }

    /// <summary>Makes every edit, and cuts the power at every write of it.</summary>
    /// <param name="roomy">The image that most edits start from.</param>
    /// <param name="full">The one that is nearly full.</param>
    /// <param name="edits">What to try.</param>
    public Outcome Run(byte[] roomy, byte[] full, IReadOnlyList<Edit> edits)
    {
        var (points, judged) = (0, 0);
        foreach (var edit in edits)
        {
            try
            {
                var (tried, foreign) = Run(edit.Full ? full : roomy, edit.Run);
                points += tried;
                judged += foreign;
            }
            catch (Exception e)
            {
                Assert.Fail($"{edit.Verb}: {e}");
            }
        }
        return new Outcome(edits.Count, points, judged);
    }

    private (int Points, int Judged) Run(byte[] ground, Action<EditableVolume> edit)
    {
        var clock = new SettableClock();
        clock.Advance(TimeSpan.FromDays(10));
        var options = Options with { Clock = clock };
        var states = new List<string>();
        using (var disk = new MemoryDevice(ground, canWrite: false))
            states.Add(Outline(Disk(disk)));
        var judged = 0;
        var result = PowerCut.Run(ground, device =>
        {
            var marked = new CommitWatcher(Disk(device), () => states.Add(Outline(Disk(device))));
            using var volume = Type.OpenForEditing(marked, options);
            edit(volume);
            volume.Commit();
        }, (device, point) =>
        {
            var disk = Disk(device);
            point.AssertAmong(states, Outline(disk));
            if (point.Number % ForeignEvery != ForeignEvery / 2)
                return;
            judged++;
            var copy = new ScratchDevice(disk.Length);
            var bytes = new byte[disk.Length];
            disk.Read(0, bytes);
            copy.WriteFresh(0, bytes);
            Assert.Null(Judge(copy));
        }, new PowerCutOptions { Samples = 2, RecoveryEvery = 24, Transaction = new TransactionOptions { FreshLimit = FreshLimit } });
        return (result.CrashPoints, judged);
    }

    private static BlockDevice Disk(BlockDevice image) => Container.Open(image).Disk;

    private static void Create(EditableVolume volume, NodeId parent, string name, int length, int seed) =>
        volume.CreateFile(parent, name, new MemoryStream(ConformanceCase.Bytes(length, seed)), length, MetadataChange.None);

    private static void Write(EditableVolume volume, string path, long offset, byte[] data)
    {
        using var stream = volume.OpenWrite(volume.Find(path).Id, StreamName.Data);
        stream.WriteAt(offset, data);
    }

    private static void SetLength(EditableVolume volume, string path, long length)
    {
        using var stream = volume.OpenWrite(volume.Find(path).Id, StreamName.Data);
        stream.SetLength(length);
    }

    // The whole tree as text: names, lengths, times, attributes, content; the label; and that no cluster is lost or counted wrongly.
    private string Outline(BlockDevice disk) => VolumeOutline.Of(disk, Type, (volume, entry, content) =>
    {
        var metadata = volume.GetMetadata(entry.Id);
        return $"{metadata.Length} {metadata.DosAttributes} {metadata.ShortName} {metadata.Created} {metadata.Modified} {metadata.Accessed} {content} {Posix(volume, entry.Id, metadata)}";
    }, Filler);

    private static string Posix(Volume volume, NodeId id, FileMetadata metadata) =>
        $"{metadata.Mode} {metadata.UserId} {metadata.GroupId} {metadata.LinkCount} {metadata.LinkTarget} {metadata.Device} "
        + string.Join(' ', volume.GetExtendedAttributes(id).Select(a => $"{a.Key}={Convert.ToHexString(a.Value)}").Order(StringComparer.Ordinal));
}
