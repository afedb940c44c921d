using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>Directories stay open while names are made in them: whatever else happens to the volume meanwhile, what is remembered of them is right.</summary>
public sealed class ExtOpenDirectoryTests
{
    private static readonly ExtType Ext = new();

    [Theory]
    [InlineData("ext4", "1K", 1)]
    [InlineData("ext4", "4K", 2)]
    [InlineData("ext3", "1K", 3)]
    [InlineData("ext2", "2K", 4)]
    public void Names_made_in_more_directories_than_are_held_by_turns_are_all_there(string type, string blockSize, int seed)
    {
        const int directories = 11, steps = 4000;
        var device = new MemoryDevice(32 << 20);
        Ext.Format(device, new FormatOptions { Type = type, ExpectedEntries = steps, Options = new Dictionary<string, string> { ["block_size"] = blockSize } });
        var random = new Random(seed);
        var model = new HashSet<string>[directories];
        using (var volume = Ext.OpenForEditing(device, VolumeOptions.Default))
        {
            var ids = new NodeId[directories];
            for (var i = 0; i < directories; i++)
                (ids[i], model[i]) = (volume.CreateDirectory(volume.RootId, $"directory {i}", MetadataChange.None), []);
            for (var step = 0; step < steps; step++)
            {
                var at = random.Next(directories) * random.Next(2);
                var name = $"{random.Next(600):D5} and so on";
                if (random.Next(3) == 0)
                    Assert.Equal(model[at].Contains(name), volume.TryLookup(ids[at], name, out _));
                switch (random.Next(12))
                {
                    case 0 when model[at].Remove(name):
                        volume.Delete(ids[at], name);
                        break;
                    case 1 when model[at].Contains(name):
                        Assert.Throws<AlreadyExistsException>(() => volume.CreateFile(ids[at], name, MetadataChange.None));
                        break;
                    case 2 when model[at].Contains(name):
                        var to = random.Next(directories);
                        var newName = name + " " + step;
                        volume.Rename(ids[at], name, ids[to], newName, replace: false);
                        model[at].Remove(name);
                        model[to].Add(newName);
                        break;
                    case 3:
                        Assert.Throws<InvalidNameException>(() => volume.CreateFile(ids[at], name + "/", MetadataChange.None));
                        break;
                    case 4:
                        volume.SetMetadata(ids[at], new MetadataChange { Mode = random.Next(0x200) });
                        break;
                    case 5 when step % 50 == 0:
                        volume.Commit();
                        break;
                    default:
                        if (model[at].Add(name))
                            volume.CreateFile(ids[at], name, new MemoryStream(new byte[step % 3 * 10]), step % 3 * 10, MetadataChange.None);
                        break;
                }
            }
            volume.Commit();
        }
        Assert.Empty(Ext.Check(device, CheckOptions.Default).Findings.Where(f => f.Severity > Severity.Note));
        using var again = Ext.Open(device, VolumeOptions.Default);
        for (var i = 0; i < directories; i++)
            Assert.Equal(model[i].Order(StringComparer.Ordinal), again.Enumerate(again.Find($"/directory {i}").Id).Select(e => e.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Going_back_to_the_last_commit_forgets_what_was_made_since()
    {
        var device = new MemoryDevice(8 << 20);
        Ext.Format(device, new FormatOptions { Type = "ext4" });
        var image = TransactionDevice.Open(device, new MemoryJournalStore());
        using var volume = Ext.OpenForEditing(image, VolumeOptions.Default);
        for (var i = 0; i < 300; i++)
            volume.CreateFile(volume.RootId, $"kept {i}", MetadataChange.None);
        volume.Commit();
        for (var i = 0; i < 300; i++)
            volume.CreateFile(volume.RootId, $"lost {i}", MetadataChange.None);
        volume.Rollback();
        Assert.False(volume.TryLookup(volume.RootId, "lost 299", out _));
        for (var i = 0; i < 300; i++)
            volume.CreateFile(volume.RootId, $"lost {i}", MetadataChange.None);
        volume.Commit();
        Assert.Equal(601, volume.Enumerate(volume.RootId).Count());
        Assert.Empty(Ext.Check(image, CheckOptions.Default).Findings.Where(f => f.Severity > Severity.Note));
    }
}
