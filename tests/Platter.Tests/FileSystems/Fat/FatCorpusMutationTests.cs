using System.Globalization;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>Damaged volumes, read whole and edited: whatever is wrong, only the declared exceptions come out, and an end is reached.</summary>
public class FatCorpusMutationTests(ITestOutputHelper output)
{
    private const int MostEntries = 3000;

    [Theory]
    [InlineData(12, 1)]
    [InlineData(16, 2)]
    [InlineData(32, 3)]
    public void Random_damage_leads_to_the_declared_exceptions_only(int width, int seed)
    {
        var ground = Ground(width);
        var (structures, rounds, refused, start) = (StructureBytes(ground), 0, 0, ProcessorTime.OfThread());
        for (; rounds < 20_000 && ProcessorTime.OfThread() - start < TimeSpan.FromSeconds(4); rounds++)
        {
            var random = new Random(seed * 1_000_003 + rounds);
            var device = new MemoryDevice((byte[])ground.Clone());
            for (var hits = random.Next(1, 12); hits > 0; hits--)
                Damage(device.Bytes, structures, random);
            try
            {
                refused += Try(device, random) ? 0 : 1;
            }
            catch (Exception e) when (!IsDeclared(e))
            {
                Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"FAT{width}, seed {seed}, round {rounds}: {e}"));
            }
        }
        output.WriteLine($"FAT{width}: {rounds} damaged volumes, {refused} refused when opened");
        Assert.True(rounds > 100);
    }

    private static bool IsDeclared(Exception e) =>
        e is (IOException or UnsupportedFeatureException or InvalidNameException or UnauthorizedAccessException) and not EndOfStreamException;

    private static bool Try(MemoryDevice device, Random random)
    {
        FatVolume volume;
        try
        {
            new FatType().Check(device, CheckOptions.Default);
            volume = random.Next(4) == 0 ? FatVolume.Open(device, VolumeOptions.Default) : FatVolume.OpenForEditing(device, new VolumeOptions { Clock = new SettableClock() });
        }
        catch (Exception e) when (IsDeclared(e))
        {
            return false;
        }
        var nodes = new List<(NodeId Parent, DirectoryEntry Entry)>();
        Declared(() => Walk(volume, nodes));
        foreach (var _ in volume.AllocatedRanges())
        {
            // Bounded by the clusters.
        }
        for (var edit = 0; edit < 12; edit++)
            Declared(() => Edit(volume, nodes, random));
        return true;
    }

    private static void Walk(FatVolume volume, List<(NodeId Parent, DirectoryEntry Entry)> nodes)
    {
        var buffer = new byte[8192];
        var seen = new HashSet<NodeId>();
        var pending = new Queue<NodeId>([volume.RootId]);
        while (pending.TryDequeue(out var directory))
        {
            if (!seen.Add(directory) || nodes.Count > MostEntries)
                continue;
            Declared(() =>
            {
                foreach (var entry in volume.Enumerate(directory).Take(MostEntries))
                {
                    nodes.Add((directory, entry));
                    volume.GetMetadata(entry.Id);
                    if (entry.Kind == EntryKind.Directory)
                        pending.Enqueue(entry.Id);
                    else
                        Declared(() => ReadSome(volume, entry.Id, buffer));
                }
            });
        }
    }

    private static void ReadSome(FatVolume volume, NodeId id, byte[] buffer)
    {
        using var stream = volume.OpenRead(id, StreamName.Data);
        for (var at = 0L; at < Math.Min(stream.Length, 1 << 17) && stream.ReadAt(at, buffer) > 0; at += buffer.Length)
        {
            // Only that it can be read or is refused.
        }
        Declared(() => stream.ReadAt(Math.Max(0, stream.Length - 10), buffer));
    }

    private static void Edit(FatVolume volume, List<(NodeId Parent, DirectoryEntry Entry)> nodes, Random random)
    {
        var (parent, entry) = nodes.Count == 0 ? (volume.RootId, default) : nodes[random.Next(nodes.Count)];
        var other = nodes.Count == 0 ? volume.RootId : nodes[random.Next(nodes.Count)].Parent;
        switch (random.Next(9))
        {
            case 0:
                volume.CreateFile(other, $"made {random.Next(100)}", new MemoryStream(new byte[3000]), null, MetadataChange.None);
                break;
            case 1:
                volume.CreateDirectory(other, $"made {random.Next(100)}", MetadataChange.None);
                break;
            case 2:
                volume.Delete(parent, entry.Name ?? "");
                break;
            case 3:
                volume.Rename(parent, entry.Name ?? "", other, $"moved {random.Next(20)}", replace: true);
                break;
            case 4:
                using (var stream = volume.OpenWrite(entry.Id, StreamName.Data))
                    stream.WriteAt(random.Next(5000), new byte[2000]);
                break;
            case 5:
                using (var stream = volume.OpenWrite(entry.Id, StreamName.Data))
                    stream.SetLength(random.Next(9000));
                break;
            case 6:
                volume.SetLabel("LABEL");
                break;
            case 7:
                volume.SetMetadata(entry.Id, new MetadataChange { DosAttributes = DosAttributes.Hidden });
                break;
            default:
                volume.Commit();
                break;
        }
    }

    // A directory may come to lie within itself through damage: moving says so with an ArgumentException.
    private static void Declared(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (IsDeclared(e) || e is ArgumentException { ParamName: null })
        {
            return;
        }
    }

    private static void Damage(byte[] bytes, int structures, Random random)
    {
        var at = random.Next(3) == 0 ? random.Next(128) : random.Next(structures);
        switch (random.Next(4))
        {
            case 0:
                bytes[at] = (byte)random.Next(256);
                break;
            case 1:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                random.NextBytes(bytes.AsSpan(at, 4));
                break;
            default:
                bytes.AsSpan(at / 32 * 32, 32).CopyTo(bytes.AsSpan(random.Next(structures) / 32 * 32));
                break;
        }
    }

    // Boot sectors, FATs, and the first clusters, which hold the directories.
    private static int StructureBytes(byte[] ground)
    {
        using var volume = FatVolume.Open(new MemoryDevice(ground), VolumeOptions.Default);
        return (int)Math.Min(volume.Geometry.ClusterOffset(60), ground.Length - 64);
    }

    // Small, so that damage hits: FAT32 below its smallest size is read by everybody.
    private static byte[] Ground(int width)
    {
        using var c = new FatCase(width switch { 12 => "-F 12 -s 1 -r 32", 16 => "-F 16 -s 1 -r 32 -f 1", _ => "-F 32 -s 1 -R 8" }, width == 16 ? 2300 << 10 : 400 << 10);
        c.Volume.SetLabel("GROUND");
        c.Directory("/a");
        c.Directory("/a/A longer name of a directory");
        c.Directory("/a/A longer name of a directory/b");
        for (var i = 0; i < 12; i++)
            c.File($"/a/file number {i}", i * 300);
        c.File("/a/A longer name of a directory/b/deep.txt", 2000);
        c.File("/x.txt", 5000);
        c.Directory("/empty");
        c.Volume.Commit();
        var bytes = new byte[c.Device.Length];
        c.Device.Read(0, bytes);
        return bytes;
    }
}
